// Channels of a customer's SIP users against those of his account.

export interface Taker {
  channels: number | null;
  profile_id?: number;
}

/** How many channels a user takes: his own, else his profile's; where the account is limited at least one. 0: up to the account. */
export function takes(user: Taker, profiles: Map<number, { channels: number }>, limit: number): number {
  const own = user.channels ?? profiles.get(user.profile_id ?? 0)?.channels ?? 0;
  return limit > 0 && own === 0 ? 1 : own;
}

export function taken(users: Taker[], profiles: Map<number, { channels: number }>, limit: number): number {
  return users.reduce((sum, user) => sum + takes(user, profiles, limit), 0);
}
