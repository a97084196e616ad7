// Colours and sizes. Text on every surface has a contrast of 4.5:1 or more (WCAG 1.4.3) in both themes.

import { type CSSVariablesResolver, type MantineColorsTuple, createTheme } from "@mantine/core";

const petrol: MantineColorsTuple = [
  "#ecf6f8", "#d7eaef", "#aed5df", "#82bfcf", "#5dabbf", "#4099b0", "#1f7f97", "#17697e", "#155e75", "#0e4657",
];

export const theme = createTheme({
  primaryColor: "petrol",
  primaryShade: { light: 8, dark: 7 },
  colors: { petrol },
  autoContrast: true,
  luminanceThreshold: 0.183, // white on anything lighter is below 4.5:1, black on anything darker
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  defaultRadius: "sm",
  cursorType: "pointer",
  fontSizes: { xs: "0.75rem", sm: "0.8438rem", md: "0.9375rem", lg: "1.0625rem", xl: "1.25rem" },
  headings: { fontWeight: "600", sizes: { h1: { fontSize: "1.25rem" }, h2: { fontSize: "1.0625rem" }, h3: { fontSize: "0.9375rem" } } },
  components: {
    Button: { defaultProps: { size: "sm" } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true } } },
    Badge: { defaultProps: { variant: "light", radius: "sm", tt: "none", fw: 500 } },
    // Their <header> is none of the page: without a role it counts as a second banner.
    Drawer: { defaultProps: { position: "right", size: "lg", attributes: { header: { role: "presentation" } } } },
    Modal: { defaultProps: { centered: true, attributes: { header: { role: "presentation" }, title: { style: { fontWeight: 600 } } } } },
  },
});

// Mantine's light variants and dimmed text are below 4.5:1 as they come.
const tints = ["petrol", "gray", "red", "green", "yellow", "orange", "blue", "teal", "grape"];

export const variables: CSSVariablesResolver = (mantine) => {
  const light: Record<string, string> = { "--mantine-color-text": "#1b242c", "--mantine-color-dimmed": "#57616b", "--mantine-color-placeholder": "#6b747d", "--mantine-color-anchor": petrol[8], "--mantine-color-error": "#c0262d", "--tg-ground": "#f6f8f9", "--tg-line": "#dfe4e8" };
  const dark: Record<string, string> = { "--mantine-color-dimmed": "#a9b1b9", "--mantine-color-placeholder": "#8d959d", "--mantine-color-anchor": petrol[3], "--mantine-color-error": "#ff8787", "--tg-ground": "#16191c", "--tg-line": "#353b41" };
  for (const tint of tints) {
    const shades = mantine.colors[tint];
    if (!shades) continue;
    light[`--mantine-color-${tint}-light-color`] = inkOf(tint, shades[9]);
    dark[`--mantine-color-${tint}-light-color`] = shades[2];
  }
  return { variables: {}, light, dark };
};

// The darkest yellow, orange and green of the palette are still too light on their own tint.
function inkOf(tint: string, darkest: string): string {
  const inks: Record<string, string> = { yellow: "#6f4400", orange: "#8a3600", green: "#1c5f2a", teal: "#05593f" };
  return inks[tint] ?? darkest;
}
