// Who is logged in. A session that ends asks for the password over the page, and what waited for it goes
// on: nothing that was typed is lost.

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, Suspense, createContext, lazy, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";
import { watchActs } from "~/api/acted";
import { cache } from "~/api/cache";
import { onLogInNeeded } from "~/api/client";
import { asProblem } from "~/api/problem";
import { type Session, logOut, readSession } from "~/api/session";
import { isLanguage, setLanguage } from "~/i18n";
import { IdleWarning } from "./IdleWarning";

interface Value {
  session: Session | null | undefined; // null: nobody is logged in; undefined: not known yet
  failed: Error | null;
  entered(session: Session): void;
  renew(): Promise<void>;
  leave(): Promise<void>;
}

const LogInDialog = lazy(() => import("./LogInDialog"));

const Context = createContext<Value | null>(null);
const renewEvery = 60_000; // ms between two renewals while a person types without causing a request

export function SessionProvider({ children }: { children: ReactNode }) {
  const query = useQuery<Session | null>({
    queryKey: ["session"],
    queryFn: () => readSession().catch((error) => (asProblem(error).status === 401 ? null : Promise.reject(error))),
    refetchInterval: (q) => (q.state.data ? 30_000 : false),
    staleTime: 0,
  });
  const known = query.data;
  const last = useRef<Session | null>(null);
  if (known) last.current = known;
  const [asked, setAsked] = useState(false);
  const waiting = useRef<((ok: boolean) => void)[]>([]);

  const answer = useCallback((ok: boolean) => {
    setAsked(false);
    for (const resolve of waiting.current.splice(0)) resolve(ok);
  }, []);

  const entered = useCallback(
    (session: Session) => {
      const before = last.current;
      if (before && before.email !== session.email) cache.clear(); // another's data is not theirs
      cache.setQueryData(["session"], session);
      if (isLanguage(session.language)) void setLanguage(session.language);
      answer(true);
    },
    [answer],
  );

  const renew = useCallback(async () => {
    cache.setQueryData(["session"], await readSession(true));
  }, []);

  const leave = useCallback(async () => {
    await logOut().catch(() => undefined); // it may have ended already
    last.current = null;
    answer(false);
    cache.clear();
    cache.setQueryData(["session"], null);
  }, [answer]);

  useEffect(() => {
    onLogInNeeded(() => {
      if (!last.current) {
        cache.setQueryData(["session"], null);
        return Promise.resolve(false);
      }
      setAsked(true);
      return new Promise<boolean>((resolve) => waiting.current.push(resolve));
    });
    return () => onLogInNeeded(undefined);
  }, []);

  useRenewal(!!known && !asked, renew);

  // The session is over but the page stands: it stays behind the dialog.
  const session = known === null && last.current ? last.current : known;
  const over = known === null && last.current !== null;
  const value = useMemo(() => ({ session, failed: query.error, entered, renew, leave }), [session, query.error, entered, renew, leave]);
  return (
    <Context.Provider value={value}>
      {children}
      <Suspense>{session && (asked || over) && <LogInDialog email={session.email} />}</Suspense>
      {known && !asked && <IdleWarning />}
    </Context.Provider>
  );
}

/** Renews the session while a person acts without causing requests, such as in a long form. */
function useRenewal(on: boolean, renew: () => Promise<void>): void {
  useEffect(() => {
    if (!on) return;
    let renewed = performance.now();
    return watchActs(document, () => {
      if (performance.now() - renewed < renewEvery) return;
      renewed = performance.now();
      renew().catch(() => undefined); // the next request tells
    });
  }, [on, renew]);
}

export function useSessionState(): Value {
  const value = useContext(Context);
  if (!value) throw new Error("outside of SessionProvider");
  return value;
}

/** Who is logged in; only inside of the frame, where somebody is. */
export function useSession(): Session {
  const { session } = useSessionState();
  if (!session) throw new Error("nobody is logged in");
  return session;
}

export interface May {
  write: boolean; // change what belongs to customers, and act: hang up, ban, set passwords
  admin: boolean; // users, keys, companies; make and delete customers
  platform: boolean;
  staff: boolean; // of the platform or of a company, rather than a customer's own user
}

/** What the person may do. The API decides; this only leaves out what it would refuse. */
export function useMay(): May {
  const { role, access } = useSession();
  return { write: access !== "read-only", admin: access === "admin", platform: role === "platform", staff: role !== "customer" };
}

/** The customer of a portal user; undefined for everybody else. */
export function ownCustomer(session: Session): number | undefined {
  return session.role === "customer" ? session.customer_id : undefined;
}
