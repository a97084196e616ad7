// Why it was let through or refused: the sentence, what decided, and the steps.

import { Alert, Badge, Paper, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconBan, IconCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { Fact, Facts } from "~/ui/CallBits";
import { WireText } from "~/ui/WireText";
import { hrefOf } from "~/url";

type D = Schemas["Decision"];

/** Where the rule that decided is edited, by the reason's code. */
function ruleHref(reason: string, id: number): string | undefined {
  if (reason.startsWith("firewall")) return hrefOf("/firewall", { edit: String(id) });
  if (reason.startsWith("blocklist")) return hrefOf("/blocklist", { edit: String(id) });
  return undefined;
}

function Rule({ reason, id, name }: { reason: string; id?: number; name?: string }) {
  if (!name && !id) return null;
  const href = id ? ruleHref(reason, id) : undefined;
  const text = name || `#${id}`;
  return href ? <a className="tg-link" href={href}>{text}</a> : <>{text}</>;
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
          {(d.rule_name || d.rule_id) && <Fact label={t("call.rule")}><Rule reason={d.reason} id={d.rule_id} name={d.rule_name} /></Fact>}
          {d.counter && <Fact label={t("call.counter")}>{d.counter}</Fact>}
          {d.limit && <Fact label={t("call.limit")}>{d.limit}{d.limit_max ? `: ${d.limit_max}` : ""}</Fact>}
          {!!d.group && <Fact label={t("call.group_label")}>{d.group}</Fact>}
          {d.destination && <Fact label={t("calls.destination")}>{d.destination}</Fact>}
        </Facts>
        {(d.would ?? []).map((w, i) => (
          <Alert key={i} color="orange" py="xs" icon={<IconAlertTriangle size={18} />}>
            <Text size="sm">{t("call.let_pass")} {w.sentence} <Rule reason={w.reason} id={w.rule_id} name={w.rule_name} /></Text>
          </Alert>
        ))}
        <div>
          <Text size="xs" c="dimmed" mb={4} id="steps">{t("call.steps")}</Text>
          <ol aria-labelledby="steps" style={{ display: "flex", flexWrap: "wrap", gap: 4, margin: 0, padding: 0, listStyle: "none" }}>
            {(d.passed ?? []).map((step) => (
              <li key={step}><Badge color="green" leftSection={<IconCheck size={11} aria-hidden />}>{step}</Badge></li>
            ))}
            {d.refused && <li><Badge color="red" leftSection={<IconBan size={11} aria-hidden />}>{t("call.stopped", { reason: d.reason })}</Badge></li>}
          </ol>
        </div>
      </Stack>
    </Paper>
  );
}
