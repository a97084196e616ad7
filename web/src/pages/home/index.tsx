import { Navigate } from "@tanstack/react-router";
import { menuOf } from "~/pages";
import { useSession } from "~/session/SessionProvider";

/** The first page of a role's menu. */
export default function Home() {
  const { role } = useSession();
  const first = menuOf(role)[0]?.pages[0]?.path ?? "/me";
  return <Navigate to={first} replace />;
}
