// The sticky customer filter: in the header of every page, in every address as ?customer=.

import { Badge, CloseButton, Combobox, Group, Loader, ScrollArea, Text, UnstyledButton, useCombobox } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconChevronDown } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useItem, useItems } from "~/api/nouns";
import { ownCustomer, useSession } from "~/session/SessionProvider";
import { useUrlText } from "~/url";

/** The customer that all lists are narrowed to: a portal user's own, else the header's; undefined for all. */
export function useCustomer(): number | undefined {
  const [chosen] = useUrlText("customer");
  const own = ownCustomer(useSession());
  return own ?? (Number(chosen) || undefined);
}

export function CustomerFilter() {
  const { t } = useTranslation();
  const [chosen, choose] = useUrlText("customer");
  const own = ownCustomer(useSession());
  const current = useItem<Schemas["Customer"]>("customers", chosen || own || undefined);
  const name = current.data?.body.name ?? (current.isError ? t("frame.customer_gone") : "…");
  if (own) return <Badge color="green" size="lg">{name}</Badge>;
  return (
    <Group gap={4} wrap="nowrap" miw={0}>
      <Picker chosen={chosen} name={name} choose={choose} />
      {chosen && <CloseButton size="sm" onClick={() => choose(undefined)} aria-label={t("frame.customer_off")} title={t("frame.customer_off")} />}
    </Group>
  );
}

function Picker({ chosen, name, choose }: { chosen: string; name: string; choose: (id: string | undefined) => void }) {
  const { t } = useTranslation();
  const combobox = useCombobox({
    onDropdownOpen: () => combobox.focusSearchInput(),
    onDropdownClose: () => (combobox.resetSelectedOption(), setText("")),
  });
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text, 200);
  const list = useItems<Schemas["Customer"]>("customers", { q, limit: 50 }, { enabled: combobox.dropdownOpened });
  return (
    <Combobox store={combobox} width={320} position="bottom-start" onOptionSubmit={(id) => (choose(id || undefined), combobox.closeDropdown())}>
      <Combobox.Target targetType="button">
        <UnstyledButton onClick={() => combobox.toggleDropdown()} aria-label={`${t("frame.customer")}: ${chosen ? name : t("frame.no_customer")}`} miw={0}>
          <Badge color={chosen ? "green" : "yellow"} size="lg" rightSection={<IconChevronDown size={13} />} maw={{ base: 150, sm: 280 }}>
            {chosen ? name : t("frame.no_customer")}
          </Badge>
        </UnstyledButton>
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search value={text} onChange={(e) => (setText(e.currentTarget.value), combobox.updateSelectedOptionIndex())}
          placeholder={t("frame.customer_find")} aria-label={t("frame.customer_find")} rightSection={list.isFetching && <Loader size={14} />} />
        <Combobox.Options>
          <ScrollArea.Autosize mah={320} type="scroll">
            {chosen && <Combobox.Option value="">{t("frame.customer_all")}</Combobox.Option>}
            {list.data?.map((c) => (
              <Combobox.Option key={c.id} value={String(c.id)} active={String(c.id) === chosen}>
                <Text size="sm" truncate fw={String(c.id) === chosen ? 600 : 400}>
                  {c.name}
                </Text>
              </Combobox.Option>
            ))}
            {list.data?.length === 0 && <Combobox.Empty>{t("frame.customer_none")}</Combobox.Empty>}
          </ScrollArea.Autosize>
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
