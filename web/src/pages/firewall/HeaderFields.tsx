// What routing and firewall rules have in common: a header, and what it is compared with. texts: "firewall", texts: "rules"

import { Button, Group, Modal } from "@mantine/core";
import { IconTestPipe } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "~/session/SessionProvider";
import { useDraft, useField } from "~/ui/Form";
import { NumberField, RefField, SelectField, TextField } from "~/ui/fields";
import { RegexTest } from "../tools/RegexTest";

interface Rule {
  customer_id?: number;
  header?: string;
  match?: string;
  value?: string;
}

export const routingHeaders = ["request-uri", "source-ip", "user-agent", "from", "to"];
export const firewallHeaders = [...routingHeaders, "allow", "supported"];

export function HeaderFields({ creating, headers }: { creating: boolean; headers: string[] }) {
  const { staff } = useMay();
  const rule = useDraft<Rule>();
  return (
    <>
      {staff && <RefField name="customer_id" path="customers" required disabled={!creating} />}
      <TextField name="name" required autoFocus />
      <Group gap="sm" align="start">
        <SelectField name="header" required values={headers} />
        <SelectField name="match" values={rule.header === "source-ip" ? ["cidr", "regex", "word"] : ["regex", "word"]} />
      </Group>
      <TextField name="value" required mono placeholder={examples[rule.match ?? "regex"]} />
      <Check />
      <NumberField name="priority" max={65535} />
    </>
  );
}

const examples: Record<string, string> = { regex: "(?i)yealink|snom", word: "friendly-scanner", cidr: "198.51.100.0/28" };

/** Opens the tester with what is in the form, and puts back what came of it. */
function Check() {
  const { t } = useTranslation();
  const rule = useDraft<Rule>();
  const value = useField<string>("value");
  const match = useField<string>("match");
  const [open, setOpen] = useState(false);
  const [pattern, setPattern] = useState({ value: "", match: "regex" });
  const start = () => {
    setPattern({ value: rule.value ?? "", match: rule.match ?? "regex" });
    setOpen(true);
  };
  return (
    <Group>
      <Button size="xs" variant="default" leftSection={<IconTestPipe size={15} />} onClick={start}>
        {t("tools.check")}
      </Button>
      {open && (
        <Modal opened onClose={() => setOpen(false)} size={960} title={t("tools.check")} closeButtonProps={{ "aria-label": t("ui.close") }}>
          <RegexTest pattern={{ ...pattern, header: rule.header }} onChange={setPattern} customer={rule.customer_id || undefined} />
          {!value.readOnly && (
            <Group justify="flex-end" mt="md">
              <Button variant="default" onClick={() => setOpen(false)}>
                {t("ui.cancel")}
              </Button>
              <Button onClick={() => (value.set(pattern.value), match.set(pattern.match), setOpen(false))}>{t("tools.take")}</Button>
            </Group>
          )}
        </Modal>
      )}
    </Group>
  );
}
