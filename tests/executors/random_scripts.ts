/**
 * Shell scripts at random, and what shells make of them.
 *
 * @module
 */

import fc from "fast-check";
import { sh } from "../../executors/sh.ts";

/** Where in a script a value may be put. */
const HOLE = "\ufffc";

/** What breaks out of whatever it stands in, if that is possible; `pwned` is a command that must never run. */
const BREAKOUTS = [
  "\npwned\n",
  "\nEOF\npwned\n",
  "\n\tEOF\npwned\n",
  "';pwned;'",
  '";pwned;"',
  "`pwned`",
  "$(pwned)",
  "a[$(pwned)]",
  ";pwned;",
  ")pwned;",
  "))pwned;",
  "}pwned;",
  "]pwned;",
  ";;esac;pwned;",
  "\\",
  "'",
  '"',
  "\\'",
  "#",
  " ",
  "\n",
  "*",
  "~",
  "a,b",
  "=",
  "é",
];

/** Any value, and often one that would break out. */
export const hostileValue: fc.Arbitrary<string> = fc.oneof(
  fc.array(fc.constantFrom(...BREAKOUTS), { minLength: 1, maxLength: 5 }).map((all) =>
    all.join("")
  ),
  fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\0/]/g, "")),
).map((text) => `<${text}>`); // neither `pwned` alone, which would be a command to run, nor with a newline at its end

/** What is put into scripts, or taken out, to break them. */
const FRAGMENTS = [
  ..."\"'\\$`(){}[]#;|\n =<>&!ap",
  "$(",
  "$((",
  "((",
  "))",
  "${y:-",
  "${#x}",
  "$x",
  "$#",
  "$'",
  "\\'",
  '$"',
  "$[",
  " #",
  "\\\n",
  "<<EOF",
  "<<-EOF",
  "<<'EOF'",
  "<<\\EOF",
  "<<",
  "\nEOF\n",
  "\n\tEOF\n",
  "\nEOF)\n",
  "EO\\\nF\n",
  "<<<",
  "<(",
  ";;",
  " case x in ",
  "x) ",
  "(x) ",
  " esac",
  "; then ",
  "; do ",
  " done",
  "it's",
  "l[",
  "l=(",
  "@(a)",
  "{a,",
  HOLE,
];

type Pieces = Record<"script" | "list" | "command" | "word" | "atom" | "quoted", string>;

const pieces = fc.letrec<Pieces>((tie) => {
  const join = (...all: (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> =>
    fc.tuple(...all.map((one) => typeof one === "string" ? fc.constant(one) : one))
      .map((parts) => parts.join(""));
  const { script, list, command, word, atom, quoted } = {
    script: tie("script"),
    list: tie("list"),
    command: tie("command"),
    word: tie("word"),
    atom: tie("atom"),
    quoted: tie("quoted"),
  };
  const delimiter = fc.constantFrom("EOF", "'EOF'", "\\EOF", '"EOF"', "E'O'F");
  return {
    script: fc.array(join(list, fc.constantFrom("\n", " # it's \"\n", "; ", "\n\n")), {
      minLength: 1,
      maxLength: 3,
      depthIdentifier: "d",
    }).map((all) => all.join("")),
    list: fc.oneof(
      { depthIdentifier: "d", depthSize: "small", withCrossShrink: true },
      command,
      join(command, " | cat"),
      join(command, " && ", list),
      join("(", list, ")"),
      join("{ ", list, "; }"),
      join("if ", list, "; then ", list, "; fi"),
      join("for i in ", word, " ", word, '; do p "$i"; ', list, "; done"),
      join("case ", word, " in x) ", list, ";; (y | z) ", list, ";; *) ", list, "; esac"),
      join("case x in ", word, ") ", list, ";; esac"),
      join("f() ", fc.constant("{ "), list, "; }; f"),
      join(command, " <<", delimiter, "\n", quoted, "\nEOF\n", list),
      join(command, " <<-", delimiter, " <<EOF; ", list, "\n\t", quoted, "\n\tEOF\n$x\nEOF"),
      join("((i=1<<2)); ", command),
      join("[[ ", word, " == ", word, " ]]"),
      join("l=(", word, " ", word, "); ", command),
      join("l[", atom, "]=", word),
    ),
    command: fc.oneof(
      { depthIdentifier: "d", depthSize: "small", withCrossShrink: true },
      join("p ", word),
      join("p ", word, " ", word),
      join("p ", word, " 2>&2 #", quoted, "\n"),
      join("y=", word, '; p "$y"'),
      join("cat <<< ", word),
      join("p ", word, " \\\n ", word),
      join("cat <(p ", word, ")"),
      join("p ", word, " > ", word),
    ),
    word: fc.oneof(
      { depthIdentifier: "d", depthSize: "small", withCrossShrink: true },
      { weight: 3, arbitrary: fc.constant(HOLE) },
      atom,
      join(atom, atom),
    ),
    atom: fc.oneof(
      { depthIdentifier: "d", depthSize: "small", withCrossShrink: true },
      { weight: 2, arbitrary: fc.constant(HOLE) },
      fc.constantFrom(
        "a",
        "case",
        "esac",
        "-x",
        "1",
        "$x",
        "-a=",
        "~",
        "{a,b}",
        "\\'",
        "'a b'",
        "#",
        "in",
      ),
      join('"', quoted, '"'),
      join("'", fc.constantFrom("a b", HOLE, '"', "$(", "\\", "#"), "'"),
      join("$(", list, ")"),
      join("$( ", script, ")"),
      join("`", list, "`"),
      join("$((", fc.constantFrom("1 + ", "1<<", "(2) * ", "16#ff - "), quoted, "))"),
      join("${y:-", word, "}"),
      join("${x#", word, "}"),
      join("$'", quoted, "'"),
    ),
    quoted: fc.oneof(
      { depthIdentifier: "d", depthSize: "small", withCrossShrink: true },
      fc.constantFrom(
        HOLE,
        "a",
        "$x",
        "it's",
        '\\"',
        "1",
        "EOF",
        "#",
        "\n",
        "\\\n",
        "<<EOF",
        "(",
        ")",
      ),
      join(quoted, quoted),
      join("$(", list, ")"),
      join("${y:-", quoted, "}"),
      join('${x%"', quoted, '"}'),
      join("${x#'", quoted, "'}"),
      join("`", list, "`"),
      join("$((1 + ", quoted, "))"),
    ),
  };
});

/** A script with at least one hole, sound or broken. */
export const randomScript: fc.Arbitrary<string> = fc.tuple(
  pieces.script,
  fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 0, 1, 2), fc.constantFrom("", ...FRAGMENTS)), {
    maxLength: 3,
  }),
).map(([script, changes]) =>
  changes.reduce((text, [place, length, fragment]) => {
    const at = place % (text.length + 1);
    return text.slice(0, at) + fragment + text.slice(at + length);
  }, script)
).filter((script) => script.includes(HOLE));

/**
 * Puts a value into one hole of a script.
 *
 * @returns The script; undefined if it is refused.
 */
export function filled(script: string, hole: number, value: string): string | undefined {
  const parts = script.split(HOLE);
  const at = hole % (parts.length - 1) + 1;
  const raw = [parts.slice(0, at).join(""), parts.slice(at).join("")];
  try {
    return sh(Object.assign([...raw], { raw }), value).text;
  } catch (error) {
    if (error instanceof TypeError && error.message.startsWith("Cannot put value 1")) return;
    throw error;
  }
}
