// How the media of a call does, in one line of a list.

import type { Schemas } from "~/api/client";

/** How one stream of one side does. */
export type Figures = Schemas["Figures"];

export interface Heard {
  codec: string;
  mos?: number; // the worst of both sides
  loss?: number; // per cent, the worst of both sides
}

/** A call's media in one line; undefined where it is not bridged. */
export function heardOf(media: readonly Figures[] | null | undefined): Heard | undefined {
  if (!media?.length) return undefined;
  const mos = media.map((f) => f.mos?.average).filter((n) => n !== undefined);
  const heard = media.filter((f) => f.packets > 0);
  return {
    codec: [...new Set(media.map((f) => f.codec).filter(Boolean))].join(" / "),
    mos: mos.length ? Math.min(...mos) : undefined,
    loss: heard.length ? Math.max(...heard.map((f) => f.loss_percent)) : undefined,
  };
}
