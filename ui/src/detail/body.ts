/** What a body is, by its headers and its looks. Pure. */
import type { Language } from "./tokens.ts";

export type BodyKind = "json" | "form" | "markup" | "css" | "js" | "text" | "image" | "binary";

/** The media type without its parameters, in lower case. */
export function mediaType(contentType: string): string {
  return contentType.split(";")[0]!.trim().toLowerCase();
}

/** What a body can be interpreted as. */
export function kindOf(contentType: string, bytes: Uint8Array): BodyKind {
  const type = mediaType(contentType);
  const binary = looksBinary(bytes);
  if (type.startsWith("image/") && type !== "image/svg+xml") return "image";
  if (binary) return "binary";
  if (/[/+]json\b|ndjson|jsonl/.test(type)) return "json";
  if (type === "application/x-www-form-urlencoded" && !/^\s*[{[]/.test(start(bytes))) return "form";
  if (/html|xml/.test(type)) return "markup";
  if (type === "text/css") return "css";
  if (/javascript|ecmascript/.test(type)) return "js";
  const first = start(bytes);
  if (/^\s*(\{\s*["}]|\[\s*["{[\d\]tfn-])/.test(first)) return "json";
  if (/^\s*<(\?xml|!doctype|html)/i.test(first)) return "markup";
  return "text";
}

function start(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, 256));
}

/** Bytes that text does not have: NUL, or many that are neither letters nor white space. */
function looksBinary(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, 4096);
  let odd = 0;
  for (const byte of sample) {
    if (byte === 0) return true;
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13 && byte !== 27) odd += 1;
  }
  return odd > sample.length / 20;
}

export const LANGUAGES: Record<BodyKind, Language> = {
  json: "json", form: "none", markup: "markup", css: "css", js: "js", text: "none", image: "none", binary: "none",
};

/** How each kind is called. */
export const KIND_WORDS: Record<BodyKind, string> = {
  json: "JSON", form: "form fields", markup: "markup", css: "CSS", js: "JavaScript", text: "text", image: "an image", binary: "binary",
};

/** Bytes as text in the charset that the headers name; what does not fit becomes U+FFFD. */
export function textOf(bytes: Uint8Array, contentType: string): string {
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}

const WITHHELD: Record<string, string> = {
  encoded: "It is still compressed, so secrets in it cannot be found, and it was withheld.",
  charset: "It is UTF-16, in which secrets cannot be found, and it was withheld.",
  lost_sync: "It claims a form that it does not have, so secrets in it cannot be found, and it was withheld.",
  unreadable_fields: "It is binary and names secrets whose ends cannot be known, so it was withheld.",
};

/** Why a body that was seen is not stored, from what the server says of it. */
export function withheldWords(detail: string): string {
  const reason = /not kept: (\w+)$/.exec(detail)?.[1] ?? "";
  return WITHHELD[reason] ?? "The source keeps no bodies, or not this one.";
}

/** Fields of a form or a query, decoded for reading; what cannot be decoded stays. */
export function formFields(text: string): { name: string; value: string }[] {
  return text.split("&").filter((part) => part !== "").map((part) => {
    const at = part.indexOf("=");
    return { name: plain(at < 0 ? part : part.slice(0, at)), value: at < 0 ? "" : plain(part.slice(at + 1)) };
  });
}

function plain(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
