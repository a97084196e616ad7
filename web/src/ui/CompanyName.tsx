import { useQuery } from "@tanstack/react-query";
import { call } from "~/api/client";

/** A company's name by its id. */
export function CompanyName({ id }: { id: number | undefined }) {
  const query = useQuery({
    queryKey: ["noun", "companies", "name", id],
    queryFn: async () => (await call<{ name: string }>("GET", `/companies/${id}`)).body.name,
    staleTime: 60_000,
    enabled: !!id,
    retry: false,
  });
  if (!id) return null;
  return <>{query.data ?? (query.isError ? `#${id}` : "")}</>;
}
