// What of a page's state is in its address, so that a link shows what its sender saw.

import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import type { Search } from "~/router";

/** All of the address after "?", and how to change some of it; undefined or "" takes one out. */
export function useUrl(): [Search, (patch: Search, options?: { replace?: boolean }) => void] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const set = useCallback(
    (patch: Search, options: { replace?: boolean } = {}) =>
      void navigate({ to: ".", search: ((old: Search) => ({ ...old, ...patch })) as never, replace: options.replace ?? false }),
    [navigate],
  );
  return [search, set];
}

/** One text of the address. */
export function useUrlText(name: string): [string, (value: string | undefined) => void] {
  const [search, set] = useUrl();
  const change = useCallback((value: string | undefined) => set({ [name]: value }, { replace: true }), [name, set]);
  return [search[name] ?? "", change];
}

/** A part of the address's path, such as id of /call/$id. */
export function useParam(name: string): string {
  return (useParams({ strict: false }) as Record<string, string | undefined>)[name] ?? "";
}

/** Goes to a page: go("/customers", { edit: "3" }). The customer filter stays unless customer is given. */
export function useGo(): (to: string, search?: Search) => void {
  const navigate = useNavigate();
  return useCallback((to, search = {}) => void navigate({ to, search: search as never }), [navigate]);
}

/** The address of a page as a link's href. */
export function hrefOf(to: string, search: Search = {}): string {
  const kept = Object.entries(search).filter((e): e is [string, string] => !!e[1]);
  return "#" + to + (kept.length ? "?" + new URLSearchParams(kept) : "");
}
