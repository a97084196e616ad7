import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { WireText } from "~/ui/WireText";

/** What a rule looks for, in one line. */
export function Condition({ rule }: { rule: { header: string; match: string; value: string } }) {
  const { t } = useTranslation();
  return (
    <span>
      {t(`firewall.option.header.${rule.header}`)} <Text span size="sm" c="dimmed">{t(`firewall.does_${rule.match}`)}</Text> <WireText tip>{rule.value}</WireText>
    </span>
  );
}
