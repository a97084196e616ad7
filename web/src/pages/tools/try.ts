// The tools of the API, asked while one types: the engine that matches traffic, not one of the browser's.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDebouncedValue } from "@mantine/hooks";
import { call } from "~/api/client";
import { asProblem, sentence } from "~/api/problem";

const pause = 300; // ms without a key before the API is asked

/** The answer of POST /tools/<tool> to a body that may still be typed; undefined body: not asked. */
export function useTry<T>(tool: string, body: object | undefined) {
  const [text] = useDebouncedValue(body ? JSON.stringify(body) : "", pause);
  return useQuery({
    queryKey: ["tools", tool, text],
    queryFn: async ({ signal }) => (await call<T>("POST", `/tools/${tool}`, { body: text, signal })).body,
    enabled: text !== "",
    retry: false,
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });
}

/** All that is wrong with what was asked, with the fields. */
export function allWrong(error: Error): string {
  const problem = asProblem(error);
  return problem.faults.length ? problem.faults.map((f) => `${f.field ?? ""}: ${sentence(f)}`).join(". ") : problem.message;
}

/** Lines as they are typed; an end of line at the very end begins no new one. */
export function linesOf(text: string): string[] {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** A text before, within and behind a match, which is given in code points. */
export function cutAt(text: string, start: number, end: number): [string, string, string] {
  const points = Array.from(text);
  return [points.slice(0, start).join(""), points.slice(start, end).join(""), points.slice(end).join("")];
}
