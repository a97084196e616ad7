/** Whose transparent mode is on: one customer's, or that of all that a user manages. */
export interface Row {
  key: string;
  name: string;
  customer?: number;
  until?: string;
}

interface Mode {
  id: number;
  transparent: boolean;
  transparent_until?: string;
}

/** Users first, since theirs reaches furthest. */
export function rowsOf(customers: readonly (Mode & { name: string })[], users: readonly (Mode & { email: string })[]): Row[] {
  return [
    ...users.filter((u) => u.transparent).map((u) => ({ key: `u${u.id}`, name: u.email, until: u.transparent_until })),
    ...customers.filter((c) => c.transparent).map((c) => ({ key: `c${c.id}`, name: c.name, customer: c.id, until: c.transparent_until })),
  ];
}
