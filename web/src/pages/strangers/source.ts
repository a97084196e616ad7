/** The address of a source without its port: 192.0.2.1:5060, [2001:db8::1]:5060. */
export function hostOf(source: string): string {
  const six = /^\[([^\]]*)\]/.exec(source);
  if (six) return six[1] ?? "";
  return source.replace(/:\d+$/, "");
}

/** Whether a host may be one of a customer's domains: a name rather than an address or nothing. */
export function isName(host: string | undefined): host is string {
  return !!host && /[a-z]/i.test(host) && /^[a-z0-9.-]+$/i.test(host) && !host.includes(":");
}
