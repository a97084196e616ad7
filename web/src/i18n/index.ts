// Languages. Texts are in en/*.json and it/*.json, one file a subject; a language is loaded when
// it is wanted.

import i18next from "i18next";
import { initReactI18next } from "react-i18next";

export const languages = { en: "English", it: "Italiano" } as const;
export type Language = keyof typeof languages;

type Texts = () => Promise<{ default: object }>;

// The frame's texts come before the first paint, those of the pages along with the first page.
const frameTexts: Record<Language, Texts> = { en: () => import("./en"), it: () => import("./it") };
const pageTexts: Record<Language, Texts> = { en: () => import("./pages-en"), it: () => import("./pages-it") };

const remembered = "tollgate-language";

export function isLanguage(value: unknown): value is Language {
  return typeof value === "string" && value in languages;
}

/** The language to begin with: what was chosen here, else the browser's, else English. */
export function firstLanguage(): Language {
  const chosen = localStorage.getItem(remembered);
  if (isLanguage(chosen)) return chosen;
  const own = navigator.languages.map((tag) => tag.slice(0, 2)).find(isLanguage);
  return own ?? "en";
}

export async function startLanguage(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language,
    resources: { [language]: { translation: (await frameTexts[language]()).default } },
    interpolation: { escapeValue: false }, // React escapes
    returnNull: false,
  });
  document.documentElement.lang = language;
}

const loaded = new Set<Language>();

/** The texts of the pages, in the language of now; a page waits for them. */
export async function loadPageTexts(language: Language = i18next.language as Language): Promise<void> {
  if (loaded.has(language)) return;
  i18next.addResourceBundle(language, "translation", (await pageTexts[language]()).default, true);
  loaded.add(language);
}

export async function setLanguage(language: Language): Promise<void> {
  localStorage.setItem(remembered, language);
  if (language === i18next.language) return;
  if (!i18next.hasResourceBundle(language, "translation"))
    i18next.addResourceBundle(language, "translation", (await frameTexts[language]()).default);
  await loadPageTexts(language);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}
