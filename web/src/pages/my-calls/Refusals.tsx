// The last requests of a customer that were refused, each with why.

import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useItems } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { PartyText } from "~/ui/CallBits";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { hrefOf } from "~/url";
import { whyOf } from "./sentences";

export function Refusals({ most }: { most: number }) {
  const { t } = useTranslation();
  const customer = useCustomer();
  const list = useItems<Schemas["Decision"]>("decisions", { customer, refused: true, since: "24h", limit: most }, { every: 10_000 });
  if (list.isError) return <Failed error={list.error} reset={() => void list.refetch()} />;
  if (!list.data) return <Waiting />;
  if (list.data.length === 0) return <Text size="sm" c="dimmed">{t("my_calls.no_refusals")}</Text>;
  return (
    <div className="tg-table-box" tabIndex={0} role="region" aria-label={t("account.refusals")}>
      <table className="tg-table">
        <thead>
          <tr>
            <th scope="col">{t("my_calls.at")}</th>
            <th scope="col">{t("my_calls.from")}</th>
            <th scope="col">{t("my_calls.to")}</th>
            <th scope="col">{t("my_calls.why")}</th>
            <th scope="col">{t("my_calls.ref")}</th>
          </tr>
        </thead>
        <tbody>
          {list.data.map((d) => (
            <tr key={d.id}>
              <td className="tg-narrow"><a className="tg-link" href={hrefOf(`/call/${encodeURIComponent(d.id)}`)}><When at={d.at} /></a></td>
              <td><PartyText text={d.from} /></td>
              <td><PartyText text={d.to} /></td>
              <td title={whyOf(d)}>{whyOf(d)}</td>
              <td className="tg-narrow"><WireText>{d.ref}</WireText></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
