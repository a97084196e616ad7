// Why it was let through or refused: the sentence, what decided, and the steps.

import { Alert, Badge, Paper, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconBan, IconCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { Fact, Facts } from "~/ui/CallBits";
import { WireText } from "~/ui/WireText";
import { hrefOf } from "~/url";

type D = Schemas["Decision"];

/** Where what decided is changed: the rule itself, or the page of what has no rule; with the customer around it. */
function mendAt(d: D, reason: string, rule?: number): string | undefined {
  const customer = d.customer_id ? String(d.customer_id) : undefined;
  const edit = rule ? String(rule) : undefined;
  if (reason.startsWith("firewall")) return hrefOf("/firewall", { customer, edit });
  if (reason.startsWith("blocklist")) return hrefOf("/blocklist", { customer, edit });
  if (reason === "antifraud") return hrefOf("/antifraud", { customer });
  if (reason === "banned") return hrefOf("/bans", { customer });
  if (reason === "call_limit") return hrefOf("/customers", { customer, edit: customer });
  if (reason === "switch_limit") return hrefOf("/switches", { customer });
  if (/^(no_route|no_destination|all_destinations_down|destination_)/.test(reason)) return hrefOf("/destinations", { customer });
  return undefined;
}

function Linked({ href, text }: { href?: string; text: string }) {
  return href ? <a className="tg-link" href={href}>{text}</a> : <>{text}</>;
}

/** A rule by its name, or by its number where it has none. */
function Rule({ of, reason, id, name }: { of: D; reason: string; id?: number; name?: string }) {
  if (!name && !id) return null;
  return <Linked href={id ? mendAt(of, reason, id) : undefined} text={name || `#${id}`} />;
}

export function Decision({ decision: d }: { decision: D }) {
  const { t } = useTranslation();
  const ended = !d.refused && d.reason !== "ok";
  return (
    <Paper withBorder p="sm">
      <Stack gap="sm">
        <Text fw={600} component="h2" size="md">{t("call.decision")}</Text>
        <Alert color={d.refused ? "red" : ended ? "yellow" : "green"} icon={d.refused ? <IconBan size={18} /> : ended ? <IconAlertTriangle size={18} /> : <IconCheck size={18} />} py="xs">
          <Text size="sm">{d.sentence}</Text>
          {d.detail && <Text size="sm"><WireText>{d.detail}</WireText></Text>}
          <Text size="xs" c="dimmed"><code>{d.reason}</code>{d.refused && (d.status < 0 ? ` · ${t("call.silent")}` : ` · ${d.status}`)}</Text>
        </Alert>
        <Facts>
          <Fact label={t("call.identified_by")}>{t(`call.identified_${d.by || "nothing"}`, { defaultValue: d.by })}{d.who ? <>: <WireText>{d.who}</WireText></> : ""}</Fact>
          {d.domain && <Fact label={t("call.domain")}><WireText>{d.domain}</WireText></Fact>}
          {(d.rule_name || d.rule_id) && <Fact label={t("call.rule")}><Rule of={d} reason={d.reason} id={d.rule_id} name={d.rule_name} /></Fact>}
          {d.counter && <Fact label={t("call.counter")}><Linked href={mendAt(d, d.reason)} text={d.counter} /></Fact>}
          {d.limit && <Fact label={t("call.limit")}><Linked href={mendAt(d, d.reason)} text={d.limit} /></Fact>}
          {d.refused && !d.rule_id && !d.counter && !d.limit && mendAt(d, d.reason) && <Fact label={t("call.mend")}><Linked href={mendAt(d, d.reason)} text={t("call.mend_here")} /></Fact>}
          {!!d.group && <Fact label={t("call.group_label")}>{d.group}</Fact>}
          {d.destination && <Fact label={t("calls.destination")}>{d.destination}</Fact>}
        </Facts>
        {(d.would ?? []).map((w, i) => (
          <Alert key={i} color="orange" py="xs" icon={<IconAlertTriangle size={18} />}>
            <Text size="sm">{t("call.let_pass")} {w.sentence} <Rule of={d} reason={w.reason} id={w.rule_id} name={w.rule_name} /></Text>
          </Alert>
        ))}
        <div>
          <Text size="xs" c="dimmed" mb={4} id="steps">{t("call.steps")}</Text>
          <ol aria-labelledby="steps" style={{ display: "flex", flexWrap: "wrap", gap: 4, margin: 0, padding: 0, listStyle: "none" }}>
            {(d.passed ?? []).map((step) => (
              <li key={step}><Badge color="green" leftSection={<IconCheck size={11} aria-hidden />}>{t(`simulator.step_${step}`, { defaultValue: step })}</Badge></li>
            ))}
            {d.refused && <li><Badge color="red" leftSection={<IconBan size={11} aria-hidden />}>{t("call.stopped", { reason: d.reason })}</Badge></li>}
          </ol>
        </div>
      </Stack>
    </Paper>
  );
}
