// A list that is tried from top to bottom, put in order by drag, or by keyboard: space takes a row, the arrows move it.

import { type Announcements, DndContext, type DragEndEvent, KeyboardSensor, PointerSensor, closestCenter, useSensor, useSensors } from "@dnd-kit/core";
import { SortableContext, arrayMove, sortableKeyboardCoordinates, useSortable, verticalListSortingStrategy } from "@dnd-kit/sortable";
import { CSS } from "@dnd-kit/utilities";
import { IconGripVertical } from "@tabler/icons-react";
import { type CSSProperties, type ReactNode, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

interface Item {
  id: number;
  name: string;
}

interface Props<T extends Item> {
  label: string;
  items: T[];
  /** What was dragged lies where it was dropped until this is done; an error puts it back. */
  onOrder?: (ids: number[]) => Promise<unknown>;
  children: (item: T, place: number, grip: ReactNode) => ReactNode;
  style?: CSSProperties;
}

/** Each item is an <li>; grip is the handle to put into it, nothing where the order is fixed. */
export function InOrder<T extends Item>({ label, items, onOrder, children, style }: Props<T>) {
  const { t } = useTranslation();
  const [order, setOrder] = useState<number[]>();
  useEffect(() => setOrder(undefined), [items]);
  const shown = useMemo(() => {
    if (!order) return items;
    const byID = new Map(items.map((item) => [item.id, item]));
    return order.flatMap((id) => byID.get(id) ?? []);
  }, [items, order]);
  const sensors = useSensors(useSensor(PointerSensor, { activationConstraint: { distance: 4 } }), useSensor(KeyboardSensor, { coordinateGetter: sortableKeyboardCoordinates }));
  const drop = ({ active, over }: DragEndEvent) => {
    if (!over || active.id === over.id || !onOrder) return;
    const ids = shown.map((item) => item.id);
    const next = arrayMove(ids, ids.indexOf(Number(active.id)), ids.indexOf(Number(over.id)));
    setOrder(next);
    onOrder(next).catch(() => setOrder(undefined));
  };
  const say = (id: unknown, key: "taken" | "over" | "dropped" | "back", overID?: unknown) => {
    const item = shown.find((i) => i.id === Number(id));
    return t(`routing.drag_${key}`, { name: item?.name ?? "", place: shown.findIndex((i) => i.id === Number(overID ?? id)) + 1, count: shown.length });
  };
  const announcements: Announcements = {
    onDragStart: ({ active }) => say(active.id, "taken"),
    onDragOver: ({ active, over }) => (over ? say(active.id, "over", over.id) : undefined),
    onDragEnd: ({ active, over }) => say(active.id, "dropped", over?.id),
    onDragCancel: ({ active }) => say(active.id, "back"),
  };
  return (
    <DndContext sensors={sensors} collisionDetection={closestCenter} onDragEnd={drop} accessibility={{ announcements, screenReaderInstructions: { draggable: t("routing.drag_how") } }}>
      <SortableContext items={shown.map((item) => item.id)} strategy={verticalListSortingStrategy}>
        <ol aria-label={label} style={{ listStyle: "none", margin: 0, padding: 0, ...style }}>
          {shown.map((item, i) => (
            <Row key={item.id} item={item} fixed={!onOrder || shown.length < 2}>
              {(grip) => children(item, i + 1, grip)}
            </Row>
          ))}
        </ol>
      </SortableContext>
    </DndContext>
  );
}

function Row({ item, fixed, children }: { item: Item; fixed: boolean; children: (grip: ReactNode) => ReactNode }) {
  const { t } = useTranslation();
  const { attributes, listeners, setNodeRef, setActivatorNodeRef, transform, transition, isDragging } = useSortable({ id: item.id, disabled: fixed });
  const grip = fixed ? null : (
    <button type="button" ref={setActivatorNodeRef} {...attributes} {...listeners} aria-label={t("routing.drag", { name: item.name })}
      style={{ display: "inline-flex", alignItems: "center", background: "none", border: 0, padding: 2, cursor: "grab", color: "var(--mantine-color-dimmed)", touchAction: "none" }}>
      <IconGripVertical size={16} />
    </button>
  );
  return (
    <li ref={setNodeRef} style={{ transform: CSS.Translate.toString(transform), transition, position: "relative", zIndex: isDragging ? 5 : undefined, boxShadow: isDragging ? "var(--mantine-shadow-md)" : undefined, background: isDragging ? "var(--mantine-color-body)" : undefined }}>
      {children(grip)}
    </li>
  );
}
