// What a ResourcePage has to know of its noun.

import type { ReactNode } from "react";
import type { Noun } from "~/api/nouns";
import type { Column } from "./DataTable";
import type { Draft } from "./draft";

export interface Resource<T extends Noun> {
  /** The file of its texts: src/i18n/en/<ns>.json, with title, one, add, empty, empty_text, delete_text, field.*, help.* */
  ns: string;
  /** Its path in the API, such as "customers". */
  path: string;
  columns: Column<T>[];
  /** What tells one from the others, in the list's first column and in dialogs. */
  nameOf: (row: T) => string;
  /** The fields of the form. creating: it is new. */
  Fields?: (props: { creating: boolean; readOnly: boolean }) => ReactNode;
  /** The values of a new one; what is left out is the API's default. customer: of the filter. */
  fresh?: (customer: number | undefined) => Draft;
  /** Its rows belong to a customer: the list follows the filter of the header (default true). */
  perCustomer?: boolean;
  /** Whether the person may change it; the API decides. Default: whoever is not read-only. */
  mayChange?: boolean;
  /** Whether new ones may be made, and whether they may be deleted, where that differs from mayChange. */
  mayAdd?: boolean;
  mayDelete?: boolean;
  /** Nothing of it can be edited, only made and deleted. */
  fixed?: boolean;
  /** The API deletes them one by one: who gets in, and what has no operation for many. */
  oneByOne?: boolean;
  /** The fields that many may be given at once. */
  BulkFields?: () => ReactNode;
  /** More buttons for those that are selected. */
  bulkActs?: (rows: T[]) => ReactNode;
  /** More parameters of the list. */
  query?: Record<string, string | number | boolean | undefined>;
  /** Seconds between two readings of a list that changes by itself. */
  every?: number;
  /** More buttons of a row, and of the page. */
  rowActions?: (row: T) => ReactNode;
  pageActions?: ReactNode;
  /** Beside the filter of the list. */
  filters?: ReactNode;
  /** What these leave, in words, where they narrow the list: an empty one says so. */
  narrowed?: string;
  /** Above the list. */
  above?: ReactNode;
  /** A row may stand against deletion or editing, such as group 1. */
  locked?: (row: T) => boolean;
  /** Below the form of one that stands: what it uses now, its DNS. */
  Beside?: (props: { item: T }) => ReactNode;
  /** After it was made or changed; what it gives is shown once (see CopyOnce). */
  secretOf?: (saved: T) => { label: string; value: string }[] | undefined;
  /** The drawer's width. */
  size?: "md" | "lg" | "xl";
}
