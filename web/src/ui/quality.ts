// How the media of a call does, per stream and side, as the API tells it.

export interface Quality {
  stream: number;
  side: string; // who sends: caller or callee
  codec?: string;
  packets?: number;
  octets?: number;
  lost?: number;
  loss_percent?: number;
  jitter_ms?: number;
  reordered?: number;
  duplicates?: number;
  largest_gap_ms?: number;
  rtt_ms?: number;
  mos?: { min: number; average: number; max: number } | null;
  skew_ppm?: number | null;
  refused?: number;
  bad_tags?: number;
  suite?: string;
  source?: string;
  latched?: boolean;
  kernel?: boolean;
  sound?: string; // heard, never, stopped, comfort_noise
}

/** The streams of a call; none where it is not bridged. */
export function qualitiesOf(media: unknown): Quality[] {
  if (!Array.isArray(media)) return [];
  return media.filter((m): m is Quality => typeof m === "object" && m !== null && typeof (m as Quality).side === "string");
}

export interface Heard {
  codec: string;
  mos?: number; // the worst of both sides
  loss?: number; // per cent, the worst of both sides
  oneWay: boolean; // one side is heard and the other never was
}

/** A call's media in one line of a list. */
export function heardOf(media: unknown): Heard | undefined {
  const all = qualitiesOf(media);
  if (all.length === 0) return undefined;
  const numbers = (of: (q: Quality) => number | undefined | null) => all.map(of).filter((n): n is number => typeof n === "number" && n > 0);
  const mos = numbers((q) => q.mos?.average);
  const loss = all.map((q) => q.loss_percent).filter((n): n is number => typeof n === "number");
  const first = all.filter((q) => q.stream === all[0]?.stream);
  return {
    codec: [...new Set(all.map((q) => q.codec).filter(Boolean))].join(" / "),
    mos: mos.length ? Math.min(...mos) : undefined,
    loss: loss.length ? Math.max(...loss) : undefined,
    oneWay: first.some((q) => q.sound === "never") && first.some((q) => q.sound === "heard"),
  };
}
