/**
 * What is open at some place in a shell script.
 *
 * @module
 */

/** What is open: also double quotes, and a here-document. */
export type Frame = Commands | Arithmetic | Expansion | '"' | "<<";

/** What stands in a word for anything but plain characters. */
export const OPAQUE = "\0";
/** A word that goes on behind a parenthesis. */
export const AFTER_PARENTHESIS = "\0)";

/** Words behind which another command begins. */
const INTRODUCING = new Set(
  ["!", "{", "if", "then", "else", "elif", "do", "while", "until", "time", "coproc"],
);

/** Commands: of the script, or between parentheses. */
export class Commands {
  /** The here-documents that begin with the next line: of the script, or of the substitution. */
  readonly hereDocuments: HereDocument[];
  /** Whether it is a command substitution, inside of which quotes begin anew. */
  readonly isSubstitution: boolean;
  /** Whether these are the items of an array. */
  readonly isArray: boolean;
  /** What each `case` that is open waits for, the innermost last. */
  readonly cases: ("subject" | "in" | "item" | "pattern" | "body")[] = [];
  /** The word that has begun. */
  word: string | undefined;
  /** Whether the next word would be that of a command. */
  expectsCommand = true;

  /** Begins with a command. */
  constructor(
    hereDocuments: HereDocument[],
    { isSubstitution = false, isArray = false }: {
      isSubstitution?: boolean | undefined;
      isArray?: boolean | undefined;
    } = {},
  ) {
    this.hereDocuments = hereDocuments;
    this.isSubstitution = isSubstitution;
    this.isArray = isArray;
  }

  /** Makes text part of the word. */
  extend(text: string): void {
    this.word = (this.word ?? "") + text;
  }

  /** Takes the word that has ended; false if a shell might take it for the beginning of a `case` that is not seen. */
  endWord(): boolean {
    const { word, expectsCommand, cases } = this;
    this.word = undefined;
    const last = cases.length - 1;
    switch (cases[last]) {
      case "subject":
        cases[last] = "in";
        return true;
      case "in":
        cases[last] = "item";
        return word === "in";
      case "item":
        if (word === "esac") this.#endCase();
        else cases[last] = "pattern";
        return true;
      case "pattern":
        return true;
      case "body":
        if (expectsCommand && word === "esac") {
          this.#endCase();
          return true;
        }
    }
    if (expectsCommand && word === "case") cases.push("subject");
    this.expectsCommand = expectsCommand && INTRODUCING.has(word!);
    return expectsCommand || word !== "case";
  }

  #endCase(): void {
    this.cases.pop();
    this.expectsCommand = false;
  }

  /** Takes a `(`; true if it is that before the pattern of a `case`. */
  openCasePattern(): boolean {
    if (this.cases.at(-1) !== "item") return false;
    this.cases[this.cases.length - 1] = "pattern";
    return true;
  }

  /** Takes a `)`; true if it is that behind the pattern of a `case`. */
  closeCasePattern(): boolean {
    if (this.cases.at(-1) !== "pattern") return false;
    this.cases[this.cases.length - 1] = "body";
    this.expectsCommand = true;
    return true;
  }

  /** Takes a `;;` or the like. */
  endCaseItem(): void {
    if (this.cases.at(-1) === "body") this.cases[this.cases.length - 1] = "item";
  }
}

/** `((...))`, or `$((...))`. */
export class Arithmetic {
  /** Whether it is without `$`, which some shells do not know. */
  readonly isCommand: boolean;
  /** How many parentheses are open in it. */
  depth = 0;

  /** Begins right behind `((`. */
  constructor(isCommand: boolean) {
    this.isCommand = isCommand;
  }
}

/** `${...}`. */
export class Expansion {
  /** Whether it is inside double quotes, or what is like them. */
  readonly isQuoted: boolean;

  /** Begins right behind `${`. */
  constructor(isQuoted: boolean) {
    this.isQuoted = isQuoted;
  }
}

/** A here-document that has not begun. */
export interface HereDocument {
  /** The line that ends it. */
  readonly delimiter: string;
  /** Whether nothing in it is expanded. */
  readonly isQuoted: boolean;
  /** Whether tabs at the beginning of lines are left out. */
  readonly isIndented: boolean;
  /** Whether it stands in a command substitution, whose `)` might end it. */
  readonly isInSubstitution: boolean;
}
