// Channels of a customer's SIP users against those of his account.

export interface Taker {
  channels: number | null;
  profile_id?: number;
}

interface Profile {
  channels: number;
  capacity: number;
}

/** How many channels a user takes: his own, else his profile's; where the account or the profile is limited at least one. 0: up to the account. */
export function takes(user: Taker, profiles: Map<number, Profile>, limit: number): number {
  const profile = profiles.get(user.profile_id ?? 0);
  const own = user.channels ?? profile?.channels ?? 0;
  return own === 0 && (limit > 0 || (profile?.capacity ?? 0) > 0) ? 1 : own;
}

export function taken(users: Taker[], profiles: Map<number, Profile>, limit: number): number {
  return users.reduce((sum, user) => sum + takes(user, profiles, limit), 0);
}
