/** Light highlighting: what a reader's eye needs to find its way, by our own small tokenizers. Pure. */

export type Language = "json" | "markup" | "css" | "js" | "none";
export type Kind = "key" | "string" | "numeral" | "word" | "tag" | "comment" | "mark";

export interface Token {
  from: number;
  to: number;
  kind: Kind;
}

/** What a line begins in the middle of. */
export type In = "" | "comment" | "tag" | "template";

/** Longer lines are not highlighted: nobody reads them, and a browser would choke. */
export const LINE_MAX = 20_000;

const JSON_TOKEN = /("(?:[^"\\]|\\.)*"?)(\s*:)?|-?\b\d[\d.eE+-]*|\b(?:true|false|null)\b|[{}[\],]/g;
const CSS_TOKEN = /\/\*|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|@[\w-]+|#[\da-fA-F]{3,8}\b|-?\b\d[\d.]*(?:%|[a-z]+)?|--?[a-zA-Z][\w-]*(?=\s*:)|[a-zA-Z-]+(?=\s*:\s)|[{}:;,]/g;
const JS_TOKEN = /\/\*|\/\/.*|`|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|\b(?:0[xXbBoO][\da-fA-F_]+n?|\d[\d_.]*(?:[eE][+-]?\d+)?n?)\b|\b(?:async|await|break|case|catch|class|const|continue|default|delete|do|else|export|extends|finally|for|from|function|if|import|in|instanceof|let|new|of|return|static|super|switch|this|throw|try|typeof|var|void|while|with|yield|true|false|null|undefined)\b/g;

/** The tokens of a line, and what the next one begins in. */
export function tokens(line: string, language: Language, within: In): { tokens: Token[]; within: In } {
  if (language === "none" || line.length > LINE_MAX) return { tokens: [], within };
  if (language === "json") return { tokens: json(line), within: "" };
  return language === "markup" ? markup(line, within) : code(line, language, within);
}

function json(line: string): Token[] {
  const out: Token[] = [];
  for (const match of line.matchAll(JSON_TOKEN)) {
    const from = match.index;
    const [whole, string, colon] = match;
    if (string !== undefined) out.push({ from, to: from + string.length, kind: colon ? "key" : "string" });
    else if (/^[{}[\],]$/.test(whole)) out.push({ from, to: from + 1, kind: "mark" });
    else out.push({ from, to: from + whole.length, kind: /^[-\d]/.test(whole) ? "numeral" : "word" });
  }
  return out;
}

function markup(line: string, within: In): { tokens: Token[]; within: In } {
  const out: Token[] = [];
  let at = 0;
  while (at < line.length) {
    if (within === "comment") {
      const end = line.indexOf("-->", at);
      const to = end < 0 ? line.length : end + 3;
      out.push({ from: at, to, kind: "comment" });
      at = to;
      if (end >= 0) within = "";
    } else if (within === "tag") {
      const end = line.indexOf(">", at);
      const to = end < 0 ? line.length : end + 1;
      attributes(line, at, to, out);
      at = to;
      if (end >= 0) within = "";
    } else {
      const next = line.indexOf("<", at);
      if (next < 0) break;
      if (line.startsWith("<!--", next)) {
        within = "comment";
        at = next;
      } else {
        const name = /^<[/?!]?[\w:.-]*/.exec(line.slice(next, next + 80))![0];
        out.push({ from: next, to: next + name.length, kind: "tag" });
        at = next + name.length;
        within = name.length > 1 ? "tag" : "";
      }
    }
  }
  return { tokens: out, within };
}

function attributes(line: string, from: number, to: number, out: Token[]): void {
  for (const match of line.slice(from, to).matchAll(/("[^"]*"?|'[^']*'?)|([\w:@.-]+)(?=\s*=)|(\/?>|\?>)/g)) {
    const [whole, string, name] = match;
    const kind: Kind = string !== undefined ? "string" : name !== undefined ? "key" : "tag";
    out.push({ from: from + match.index, to: from + match.index + whole.length, kind });
  }
}

function code(line: string, language: "css" | "js", within: In): { tokens: Token[]; within: In } {
  const out: Token[] = [];
  const pattern = new RegExp(language === "css" ? CSS_TOKEN : JS_TOKEN);
  let at = 0;
  while (at < line.length) {
    if (within === "comment" || within === "template") {
      const close = within === "comment" ? "*/" : "`";
      const end = line.indexOf(close, at);
      const to = end < 0 ? line.length : end + close.length;
      out.push({ from: at, to, kind: within === "comment" ? "comment" : "string" });
      at = to;
      if (end < 0) break;
      within = "";
      continue;
    }
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (!match) break;
    const [whole] = match;
    at = match.index + whole.length;
    if (whole === "/*" || whole === "`") {
      const close = whole === "`" ? "`" : "*/";
      const end = line.indexOf(close, at);
      const to = end < 0 ? line.length : end + close.length;
      out.push({ from: match.index, to, kind: whole === "`" ? "string" : "comment" });
      at = to;
      if (end < 0) within = whole === "`" ? "template" : "comment";
    } else out.push({ from: match.index, to: at, kind: kindOf(whole, language) });
  }
  return { tokens: out, within };
}

function kindOf(text: string, language: "css" | "js"): Kind {
  if (text.startsWith("//")) return "comment";
  if (/^["']/.test(text)) return "string";
  if (language === "css") {
    if (text.startsWith("@")) return "word";
    if (text.startsWith("#") || /^-?\d/.test(text)) return "numeral";
    return /^[{}:;,]$/.test(text) ? "mark" : "key";
  }
  return /^\d/.test(text) ? "numeral" : "word";
}

/** States at the beginnings of lines, found as far as somebody looks. */
export class Highlighter {
  #states: In[] = [""];
  /** Long lines are many rows: their tokens are found once. */
  #last: { line: number; tokens: Token[] } | null = null;

  constructor(readonly lines: readonly string[], readonly language: Language) {}

  of(line: number): Token[] {
    if (this.#last?.line !== line) this.#last = { line, tokens: this.#find(line) };
    return this.#last.tokens;
  }

  #find(line: number): Token[] {
    if (this.language === "json" || this.language === "none") return tokens(this.lines[line]!, this.language, "").tokens;
    while (this.#states.length <= line) {
      const at = this.#states.length - 1;
      this.#states.push(tokens(this.lines[at]!, this.language, this.#states[at]!).within);
    }
    return tokens(this.lines[line]!, this.language, this.#states[line]!).tokens;
  }
}
