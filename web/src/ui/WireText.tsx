// Text that came from the wire, a file or a form: shown as text and never as markup, with what cannot be
// seen made visible: control characters, marks that turn the direction of writing, and spaces of no width.

import { useTranslation } from "react-i18next";

export interface Piece {
  text: string;
  /** The code point in hexadecimal, of a character that is shown by a sign. */
  code?: string;
}

const hidden = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A text in pieces; with lines, line ends stay as they are. */
export function piecesOf(text: string, lines = false): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(hidden)) {
    const char = match[0];
    if (lines && (char === "\n" || (char === "\r" && text[match.index + 1] === "\n"))) continue;
    if (match.index > from) pieces.push({ text: text.slice(from, match.index) });
    pieces.push(signOf(char.charCodeAt(0)));
    from = match.index + char.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

function signOf(point: number): Piece {
  const code = point.toString(16).toUpperCase().padStart(4, "0");
  if (point < 0x20) return { text: String.fromCharCode(0x2400 + point), code };
  if (point === 0x7f) return { text: "\u2421", code };
  return { text: `[${code}]`, code };
}

interface Props {
  children: string | undefined | null;
  /** Line ends are lines, and long lines wrap: for whole messages. */
  block?: boolean;
  /** The text as it was, in a tip: for narrow columns. */
  tip?: boolean;
}

export function WireText({ children, block = false, tip = false }: Props) {
  const { t } = useTranslation();
  if (!children) return null;
  const text = block ? children.replace(/\r\n/g, "\n") : children;
  return (
    <bdi className="tg-wire" data-block={block || undefined} title={tip ? children : undefined}>
      {piecesOf(text, block).map((piece, i) =>
        piece.code ? (
          <span key={i} className="tg-control" title={`U+${piece.code}`} aria-label={t("ui.control", { code: piece.code })} role="img">
            {piece.text}
          </span>
        ) : (
          piece.text
        ),
      )}
    </bdi>
  );
}
