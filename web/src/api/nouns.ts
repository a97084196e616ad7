// Lists and items of any noun of the API, by its path.

import { type InfiniteData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type Answer, type Query, call } from "./client";

/** What every noun has. */
export interface Noun {
  id: number;
  version?: number;
  updated_at?: string;
  customer_id?: number;
}

export interface Page<T> {
  items: T[];
  next?: string;
}

const pageSize = 100;

/** A list, page after page. path is the noun's, such as "customers". */
export function useList<T>(path: string, query: Query = {}, options: { every?: number; enabled?: boolean } = {}) {
  return useInfiniteQuery({
    queryKey: ["noun", path, "list", query],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }) =>
      (await call<Page<T>>("GET", "/" + path, { query: { limit: pageSize, ...query, cursor: pageParam }, signal })).body,
    getNextPageParam: (page) => page.next || undefined,
    select: (data: InfiniteData<Page<T>>) => data.pages.flatMap((page) => page.items),
    refetchInterval: options.every,
    enabled: options.enabled,
  });
}

/** All of a list, by as few requests as it takes; null where that is `most` or more. */
export async function readAll<T>(path: string, query: Query, signal: AbortSignal | undefined): Promise<T[]>;
export async function readAll<T>(path: string, query: Query, signal: AbortSignal | undefined, most: number): Promise<T[] | null>;
export async function readAll<T>(path: string, query: Query, signal: AbortSignal | undefined, most = Infinity): Promise<T[] | null> {
  const items: T[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const { body }: { body: Page<T> } = await call("GET", "/" + path, { query: { ...query, limit: 1000, cursor }, signal });
    items.push(...body.items);
    cursor = body.next || undefined;
    if (cursor && items.length >= most) return null;
  }
  return items;
}

/** The first `limit` of a list: for menus and small tables. */
export function useItems<T>(path: string, query: Query = {}, options: { every?: number; enabled?: boolean } = {}) {
  return useQuery({
    queryKey: ["noun", path, "items", query],
    queryFn: async ({ signal }) => (await call<Page<T>>("GET", "/" + path, { query: { limit: pageSize, ...query }, signal })).body.items,
    refetchInterval: options.every,
    enabled: options.enabled,
  });
}

/** All of a list, for what looks among them; data is null where it has `most` or more. */
export function useAll<T>(path: string, query: Query = {}, options: { every?: number; most?: number } = {}) {
  return useQuery({
    queryKey: ["noun", path, "all", query],
    queryFn: ({ signal }) => readAll<T>(path, query, signal, options.most ?? Infinity),
    refetchInterval: options.every,
  });
}

/** One item with its ETag; undefined id: none. */
export function useItem<T>(path: string, id: number | string | undefined, options: { every?: number } = {}) {
  return useQuery<Answer<T>>({
    queryKey: ["noun", path, "item", String(id)],
    queryFn: ({ signal }) => call<T>("GET", `/${path}/${id}`, { signal }),
    enabled: id !== undefined,
    placeholderData: undefined,
    refetchInterval: options.every,
  });
}
