// The small parts of which lists of calls, decisions and registrations are made.

import { Badge, Text, VisuallyHidden } from "@mantine/core";
import { IconArrowDownLeft, IconArrowUpRight } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { type Verdict, partyOf } from "./party";
import { WireText } from "./WireText";

/** A From or To: its number; all of it in a tip. */
export function PartyText({ text }: { text: string }) {
  const { user, host, name } = partyOf(text);
  return (
    <span title={text}>
      <WireText>{user || host || text}</WireText>
      {name && name !== user && (
        <Text span size="xs" c="dimmed" ml={6}>
          <WireText>{name}</WireText>
        </Text>
      )}
    </span>
  );
}

const colors: Record<Verdict, string> = { answered: "green", failed: "yellow", refused: "red", on: "petrol" };

/** What became of it, in a word, with the status. */
export function VerdictBadge({ verdict, status }: { verdict: Verdict; status?: number }) {
  const { t } = useTranslation();
  return (
    <Badge color={colors[verdict]}>
      {t(`calls.verdict_${verdict}`)}
      {status === -1 ? ` · ${t("calls.silence")}` : status && verdict !== "answered" ? ` · ${status}` : ""}
    </Badge>
  );
}

/** Towards the customer's PBX, or from it. */
export function Direction({ of }: { of: string }) {
  const { t } = useTranslation();
  const inbound = of === "inbound";
  const text = t(inbound ? "calls.inbound" : "calls.outbound");
  const Icon = inbound ? IconArrowDownLeft : IconArrowUpRight;
  return (
    <span role="img" aria-label={text} title={text} style={{ display: "inline-flex", color: "var(--mantine-color-dimmed)" }}>
      <Icon size={16} stroke={1.7} />
    </span>
  );
}

const steps = { good: "green", fair: "yellow", poor: "orange", bad: "red" } as const;

/** How a MOS is called: 4 and more is good, below 3 people complain (ITU-T G.107, annex B). */
export function mosGrade(mos: number): keyof typeof steps {
  return mos >= 4 ? "good" : mos >= 3.6 ? "fair" : mos >= 3.1 ? "poor" : "bad";
}

/** A MOS with its grade in words for those who do not see colours. */
export function Mos({ value, language }: { value: number | undefined | null; language: string }) {
  const { t } = useTranslation();
  if (!value) return null;
  const grade = mosGrade(value);
  return (
    <Badge color={steps[grade]} title={t(`calls.mos_${grade}`)}>
      {new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value)}
      <VisuallyHidden> {t(`calls.mos_${grade}`)}</VisuallyHidden>
    </Badge>
  );
}

/** A name and its value in a strip of facts. */
export function Fact({ label, children }: { label: string; children?: ReactNode }) {
  return (
    <div>
      <Text size="xs" c="dimmed" component="dt">
        {label}
      </Text>
      <Text size="sm" component="dd" m={0} style={{ overflowWrap: "anywhere" }}>
        {children || "–"}
      </Text>
    </div>
  );
}

/** Facts side by side. */
export function Facts({ children }: { children?: ReactNode }) {
  return (
    <dl style={{ display: "flex", flexWrap: "wrap", gap: "0.625rem 2rem", margin: 0 }}>{children}</dl>
  );
}
