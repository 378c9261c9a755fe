/**
 * Where in a shell script a value may stand.
 *
 * @module
 */

import {
  AFTER_PARENTHESIS,
  Arithmetic,
  Commands,
  Expansion,
  type Frame,
  OPAQUE,
} from "./script_frames.ts";
import {
  AS_DELIMITER,
  BEHIND_BACKSLASH,
  BEHIND_DOLLAR,
  IN_ARITHMETIC,
  IN_ARRAY,
  IN_BACKTICKS,
  IN_BRACKETS,
  IN_COMMENT,
  IN_EXPANSION,
  IN_HERE_DOCUMENT,
  IN_QUOTES,
  type Refusal,
  unsure,
} from "./script_refusal.ts";

/**
 * Reads a shell script as shells do, to know whether a quoted word would be taken for that word where the script has
 * been read to.
 *
 * It follows what `dash` and `bash` agree on. Where they do not, and where it would take all of a shell to know, no value
 * may stand from there on.
 */
export class ScriptPosition {
  /** What is open, from the script itself inwards. */
  readonly #frames: Frame[];
  #doubt: Refusal | undefined;
  #text = "";
  #at = 0;

  /**
   * Begins a script.
   *
   * @param isHereDocument Whether it is the text of a here-document instead.
   */
  constructor(isHereDocument = false) {
    this.#frames = [isHereDocument ? "<<" : new Commands([])];
  }

  /**
   * Reads on.
   *
   * @param text What comes next, up to where a value is to stand.
   * @returns Why none may stand there; undefined if one may.
   */
  read(text: string): Refusal | undefined {
    this.#text = text;
    this.#at = 0;
    while (this.#doubt === undefined && this.#at < text.length) {
      const frame = this.#frames.at(-1)!;
      const refusal = frame instanceof Commands
        ? this.#readCommand(frame)
        : frame instanceof Arithmetic
        ? this.#readArithmetic(frame)
        : frame instanceof Expansion
        ? this.#readExpansion(frame)
        : this.#readQuoted(frame);
      if (refusal !== undefined) return refusal;
    }
    if (this.#doubt !== undefined) return this.#doubt;
    const frame = this.#frames.at(-1)!;
    if (frame === "<<") return undefined;
    if (frame === '"') return IN_QUOTES;
    if (frame instanceof Arithmetic) return IN_ARITHMETIC;
    if (frame instanceof Expansion) return IN_EXPANSION;
    if (this.#frames.some((frame) => frame instanceof Commands && frame.isArray)) {
      if (this.#isInSubstitution) return IN_ARRAY;
    }
    return isBracketOpen(frame.word) ? IN_BRACKETS : undefined;
  }

  /** Whether a word has begun that what comes next would be part of. */
  get isInWord(): boolean {
    const frame = this.#frames.at(-1);
    return frame instanceof Commands && frame.word !== undefined;
  }

  /** Goes on behind a value. */
  pass(): void {
    const frame = this.#frames.at(-1);
    if (frame instanceof Commands) frame.extend(OPAQUE);
  }

  #readCommand(frame: Commands): Refusal | undefined {
    const text = this.#text;
    const char = text[this.#at]!;
    const next = text[this.#at + 1];
    if (frame.isArray && (/[;&|(]/.test(char) || /[<>]/.test(char) && next !== "(")) {
      // bash goes on behind such an error, in the next line, even if that is in quotes.
      this.#doubt = unsure(`${JSON.stringify(char)} inside an array`, "put it into quotes");
    }
    switch (char) {
      case "\\":
        if (next === undefined) return BEHIND_BACKSLASH;
        if (next !== "\n") frame.extend(OPAQUE);
        this.#at += 2;
        return;
      case "'":
        frame.extend(OPAQUE);
        return this.#skipTo("'", 1, IN_QUOTES);
      case '"':
        frame.extend(OPAQUE);
        this.#frames.push('"');
        this.#at++;
        return;
      case "`":
        frame.extend(OPAQUE);
        return this.#skipBackticks();
      case "$":
        if (next === undefined) return BEHIND_DOLLAR;
        frame.extend(OPAQUE);
        if (next === "'") return this.#skipAnsiQuotes();
        return this.#readDollar(false);
      case " ":
      case "\t":
        this.#endWord(frame);
        this.#at++;
        return;
      case "\n":
        this.#endWord(frame);
        frame.expectsCommand = true;
        this.#at++;
        if (this.#isHereDocumentDue(frame)) {
          this.#doubt = unsure(
            'a line that ends inside "$(...)" behind the beginning of a here-document',
            "begin the here-document behind it",
          );
        }
        return this.#readHereDocuments(frame);
      case "#":
        if (frame.word === undefined) {
          const end = text.indexOf("\n", this.#at);
          if (end < 0) return IN_COMMENT;
          this.#at = end;
          return;
        }
        if (frame.word === AFTER_PARENTHESIS) this.#doubt = unsure('"#" behind ")"', "put a blank");
        break;
      case ";":
      case "&":
      case "|":
        this.#endWord(frame);
        frame.expectsCommand = true;
        if (char === ";" && this.#isContinued(1, ";&")) this.#doubtContinued(char);
        if (char === ";" && (next === ";" || next === "&")) {
          frame.endCaseItem();
          this.#at++;
        }
        this.#at++;
        return;
      case "(":
        return this.#openParenthesis(frame, next);
      case ")":
        return this.#closeParenthesis(frame);
      case "<":
      case ">":
        return this.#readRedirection(frame, char);
    }
    frame.extend(char);
    this.#at++;
  }

  #openParenthesis(frame: Commands, next: string | undefined): undefined {
    const { word } = frame;
    if (this.#isContinued(1, "(")) this.#doubtContinued("(");
    this.#at++;
    this.#checkBrackets(frame);
    if (word === undefined && frame.openCasePattern()) return;
    if (word === undefined && next === "(") {
      this.#frames.push(new Arithmetic(true));
      this.#at++;
      return;
    }
    // A pattern or an array is part of a word, but the parentheses of a function are not.
    frame.word = word !== undefined && /[?*+@!=]$/.test(word) ? AFTER_PARENTHESIS : undefined;
    this.#frames.push(new Commands(frame.hereDocuments, { isArray: word?.endsWith("=") }));
  }

  #closeParenthesis(frame: Commands): undefined {
    this.#endWord(frame);
    this.#at++;
    if (frame.closeCasePattern() || this.#frames.length === 1) return;
    this.#frames.pop();
    if (frame.cases.length > 0) this.#doubt = unsure('a "case" without "esac"', 'write "esac"');
    const outer = this.#frames.at(-1)!;
    if (!frame.isSubstitution) {
      if (outer instanceof Commands) outer.expectsCommand = true;
    } else if (frame.hereDocuments.length > 0) {
      this.#doubt = unsure(
        'a here-document that begins on the line of the ")" behind it',
        'put the ")" behind its end',
      );
    }
  }

  #readRedirection(frame: Commands, char: string): Refusal | undefined {
    const [operator] = /^(?:<<<|<<-?|<\(|>\(|<[&>]?|>[>&|]?)/.exec(this.#text.slice(this.#at))!;
    this.#at += operator.length;
    if (operator.endsWith("(")) {
      frame.extend(OPAQUE);
      this.#frames.push(new Commands([], { isSubstitution: true }));
      return;
    }
    this.#endWord(frame);
    if (this.#isContinued(0, "<(-")) this.#doubtContinued(char);
    if (operator !== "<<" && operator !== "<<-") return;
    const [begin] = /^[ \t]*/.exec(this.#text.slice(this.#at))!;
    this.#at += begin.length;
    const [word] = /^(?:\\[^\n]|'[^'\n]*'|"[^"\\\n]*"|[^\\'" \t\n;&|<>()])*/
      .exec(this.#text.slice(this.#at))!;
    this.#at += word.length;
    const after = this.#text[this.#at];
    if (after === undefined) return AS_DELIMITER;
    if (word === "" || /^#|[$`]/.test(word) || /[\\'"]/.test(after)) {
      this.#doubt = unsure("a here-document with an unusual delimiter", "use a plain word");
    }
    frame.hereDocuments.push({
      delimiter: word.replace(/\\(.)|'([^']*)'|"([^"]*)"/g, "$1$2$3"),
      isQuoted: /[\\'"]/.test(word),
      isIndented: operator === "<<-",
      isInSubstitution: this.#isInSubstitution,
    });
  }

  /** Reads the here-documents that begin with the next line. */
  #readHereDocuments(frame: Commands): Refusal | undefined {
    for (const document of frame.hereDocuments.splice(0)) {
      const { delimiter, isQuoted, isIndented, isInSubstitution } = document;
      const start = this.#at;
      let line: string;
      do {
        const end = this.#text.indexOf("\n", this.#at);
        if (end < 0) return IN_HERE_DOCUMENT;
        line = this.#text.slice(this.#at, end);
        if (isIndented) line = line.replace(/^\t+/, "");
        this.#at = end + 1;
        while (!isQuoted && /(?<!\\)(?:\\\\)*\\$/.test(line)) {
          const more = this.#text.indexOf("\n", this.#at);
          if (more < 0) return IN_HERE_DOCUMENT;
          line = line.slice(0, -1) + this.#text.slice(this.#at, more);
          this.#at = more + 1;
          if (line.replace(/^\t+/, "") === delimiter) {
            this.#doubt = unsure(
              "a here-document whose delimiter goes on in another line",
              "write the delimiter into one line",
            );
          }
        }
        if (
          isInSubstitution && line.startsWith(delimiter) && line.includes(")", delimiter.length)
        ) {
          this.#doubt = unsure(
            'a here-document with a ")" behind its delimiter',
            'put the ")" into the next line',
          );
        }
      } while (line !== delimiter);
      if (!isQuoted && !isWhole(this.#text.slice(start, this.#at))) {
        this.#doubt = unsure(
          "a here-document with an expansion that is not closed, or has quotes in it",
          "close it, leave the quotes out, or quote the delimiter",
        );
      }
    }
  }

  #readQuoted(frame: '"' | "<<"): Refusal | undefined {
    switch (this.#text[this.#at]) {
      case "\\":
        this.#at += 2;
        return;
      case '"':
        if (frame === '"') this.#frames.pop();
        break;
      case "`":
        return this.#skipBackticks();
      case "$":
        return this.#readDollar(true);
    }
    this.#at++;
  }

  #readExpansion({ isQuoted }: Expansion): Refusal | undefined {
    switch (this.#text[this.#at]) {
      case "\\":
        this.#at += 2;
        return;
      case "}":
        this.#frames.pop();
        this.#at++;
        return;
      case "'": {
        if (!isQuoted) return this.#skipTo("'", 1, IN_EXPANSION);
        // Whether these are quotes depends on the shell and the operator. Often it makes no difference.
        const [simple] = /^'(?:\\?[^'"{}$`\n])*'/.exec(this.#text.slice(this.#at)) ?? [];
        if (simple === undefined) {
          this.#doubt = unsure(
            `a ' inside "\${...}"`,
            "assign what it stands in to a variable before",
          );
        } else this.#at += simple.length;
        return;
      }
      case '"':
        if (this.#frames.includes("<<")) {
          this.#doubt = unsure("quotes inside ${...}", "leave them out");
        }
        this.#frames.push('"');
        this.#at++;
        return;
      case "`":
        return this.#skipBackticks();
      case "$":
        if (this.#text[this.#at + 1] === "'" && !isQuoted) return this.#skipAnsiQuotes();
        return this.#readDollar(isQuoted);
    }
    this.#at++;
  }

  #readArithmetic(frame: Arithmetic): Refusal | undefined {
    const rest = this.#text.slice(this.#at, this.#at + 2);
    switch (rest[0]) {
      case "\\":
        this.#at += 2;
        return;
      case "`":
        return this.#skipBackticks();
      case "$":
        return this.#readDollar(true);
      case "(":
        frame.depth++;
        break;
      case ")":
        if (frame.depth === 0) {
          if (rest !== "))") {
            // The end of the text is where a value would stand.
            if (rest === ")") return IN_ARITHMETIC;
            this.#doubt = unsure('"((" without "))"', 'put a blank between "(" and "("');
          }
          this.#frames.pop();
          this.#at++;
          const outer = this.#frames.at(-1)!;
          if (frame.isCommand && outer instanceof Commands) outer.expectsCommand = true;
        } else frame.depth--;
        break;
      case "'":
      case '"': {
        const [simple] = /^"\$(?:\w+|\{\w+\})"/.exec(this.#text.slice(this.#at)) ?? [];
        if (simple === undefined) {
          this.#doubt = unsure('quotes inside "((...))"', "leave them out");
        } else this.#at += simple.length;
        return;
      }
      case "#":
        if (frame.isCommand) this.#doubt = unsure('"#" inside "((...))"', 'use "$((...))"');
        break;
      case "<":
        if (frame.isCommand && rest === "<<") {
          this.#doubt = unsure('"<<" inside "((...))"', 'use "$((...))"');
        }
    }
    this.#at++;
  }

  /** Reads a `$` and what opens with it. */
  #readDollar(isQuoted: boolean): undefined {
    const rest = this.#text.slice(this.#at, this.#at + 3);
    if (rest === "$((") {
      this.#frames.push(new Arithmetic(false));
      this.#at += 3;
    } else if (rest.startsWith("$(")) {
      if (this.#isContinued(2, "(")) this.#doubtContinued("$(");
      this.#frames.push(new Commands([], { isSubstitution: true }));
      this.#at += 2;
    } else if (rest.startsWith("${")) {
      if (/[\s|\\]/.test(rest[2] ?? "")) {
        this.#doubt = unsure('"${" with a blank or the like behind it', "write the name there");
      }
      this.#frames.push(new Expansion(isQuoted));
      this.#at += 2;
    } else {
      if (rest[1] === "[") this.#doubt = unsure('"$["', 'write "\\$[", or calculate in "$((...))"');
      if (rest.startsWith("$\\\n")) this.#doubtContinued("$");
      // `$$`, `$#` and the like are whole.
      this.#at += /^[$#]/.test(rest.slice(1)) ? 2 : 1;
    }
  }

  #skipTo(end: string, from: number, refusal: Refusal): Refusal | undefined {
    const at = this.#text.indexOf(end, this.#at + from);
    if (at < 0) return refusal;
    this.#at = at + end.length;
  }

  /** Skips what stands between backticks, where other quotes count only later. */
  #skipBackticks(): Refusal | undefined {
    const [all] = /^`(?:[^`\\]|\\[^])*`/.exec(this.#text.slice(this.#at)) ?? [];
    if (all === undefined) return IN_BACKTICKS;
    this.#at += all.length;
  }

  /** Skips `$'...'`, which are quotes of another kind in some shells only. */
  #skipAnsiQuotes(): Refusal | undefined {
    const [all] = /^\$'[^']*'/.exec(this.#text.slice(this.#at)) ?? [];
    if (all === undefined) return IN_QUOTES;
    if (all.includes("\\'") || all.endsWith("\\'")) {
      this.#doubt = unsure("$'...\\'...'", 'use "..." there');
    }
    this.#at += all.length;
  }

  get #isInSubstitution(): boolean {
    return this.#frames.some((frame) => !(frame instanceof Commands) || frame.isSubstitution);
  }

  #endWord(frame: Commands): void {
    const { word } = frame;
    if (word === undefined) return;
    this.#checkBrackets(frame);
    if (!frame.endWord() && this.#isInSubstitution) {
      this.#doubt = unsure(`a word "case" inside "$(...)"`, `write it as "'case'"`);
    }
  }

  /** In an index there may be blanks and more, and all of it is calculated. */
  #checkBrackets({ word, isArray }: Commands): void {
    if (word === undefined || !isBracketOpen(word)) return;
    if (isArray || /^[A-Za-z_]\w*\[/.test(word)) {
      this.#doubt = unsure('a "[" that is not closed in its word', "leave out blanks up to the ]");
    }
  }

  #doubtContinued(operator: string): void {
    this.#doubt = unsure(
      `a line that ends with "\\" behind ${JSON.stringify(operator)}`,
      "write it into one line",
    );
  }

  /** Whether the line ends with a backslash, and the next begins with one of some characters. */
  #isContinued(from: number, characters: string): boolean {
    const [continued] = /^(?:\\\n)*/.exec(this.#text.slice(this.#at + from))!;
    const after = this.#text[this.#at + from + continued.length];
    return continued !== "" && after !== undefined && characters.includes(after);
  }

  /** Whether here-documents of commands around these are to begin with the next line. */
  #isHereDocumentDue({ hereDocuments }: Commands): boolean {
    return this.#frames.some((frame) =>
      frame instanceof Commands && frame.hereDocuments !== hereDocuments &&
      frame.hereDocuments.length > 0
    );
  }
}

/** Whether all expansions end in a here-document that begin in it. */
function isWhole(hereDocument: string): boolean {
  return new ScriptPosition(true).read(hereDocument) === undefined;
}

/** Whether a `[` in a word is not closed: behind it a shell might calculate. */
function isBracketOpen(word: string | undefined): boolean {
  let open = 0;
  for (const char of word ?? "") {
    if (char === "[") open++;
    else if (char === "]" && open > 0) open--;
  }
  return open > 0;
}
