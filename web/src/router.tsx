// Addresses: #/customers?customer=3&q=verdi. The server knows one page, so that a link works without it
// having to know the panel's addresses.

import { Outlet, createHashHistory, createRootRoute, createRoute, createRouter, lazyRouteComponent, retainSearchParams } from "@tanstack/react-router";
import { Framed } from "~/frame/Framed";
import { Failed, NotFound, Waiting } from "~/frame/States";
import { type PageSpec, loaderOf, openPages, pages } from "~/pages";

/** What an address holds after its "?": texts only. */
export type Search = Record<string, string | undefined>;

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: NotFound,
  errorComponent: Failed,
  validateSearch: (search: Record<string, unknown>): Search =>
    Object.fromEntries(Object.entries(search).filter((entry): entry is [string, string] => typeof entry[1] === "string")),
  // The customer filter sticks across all sections until it is switched off.
  search: { middlewares: [retainSearchParams(["customer"])] },
});

const framed = createRoute({ getParentRoute: () => root, id: "framed", component: Framed, notFoundComponent: NotFound });

function routes<P extends typeof root | typeof framed>(parent: P, specs: PageSpec[]) {
  return specs.flatMap((spec) => {
    const load = loaderOf(spec.folder);
    return load ? [createRoute({ getParentRoute: () => parent as typeof root, path: spec.path, component: lazyRouteComponent(load) })] : [];
  });
}

export const router = createRouter({
  routeTree: root.addChildren([framed.addChildren(routes(framed, pages)), ...routes(root, openPages)]),
  history: createHashHistory(),
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const kept = Object.entries(search).filter((e): e is [string, string] => typeof e[1] === "string" && e[1] !== "");
    return kept.length ? "?" + new URLSearchParams(kept) : "";
  },
  defaultPendingComponent: Waiting,
  defaultErrorComponent: Failed,
  defaultPreload: "intent",
  scrollRestoration: false,
});
