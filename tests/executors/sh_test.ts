import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { sh, ShellScript, shquote } from "../../executors/sh.ts";
import { temporaryFolder } from "./processes.ts";
import { filled, hostileValue, randomScript } from "./random_scripts.ts";

const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1";
const SHELLS = ["/bin/sh", "/bin/bash"];
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

async function words(script: string, shell = "/bin/sh"): Promise<string[]> {
  const { stdout, success } = await new Deno.Command(shell, { args: ["-c", script] }).output();
  strictEqual(success, true, script);
  return decoder.decode(stdout).split("\0").slice(0, -1);
}

Deno.test("S-03: sh`...` hands any string to the shell as it is", async () => {
  const text = fc.string({ unit: "grapheme" }).map((s) => s.replaceAll("\0", ""));
  const nasty = fc.string({ unit: fc.constantFrom(..."'\"\\$`!*?[](){}<>|&;#~ \t\n\r%=-a1") });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(text, nasty), { minLength: 1, maxLength: 40 }),
      async (values) => {
        const script = sh`for w in ${values}; do printf '%s\0' "$w"; done; printf '%s\0' ${
          values[0]
        } "$(printf %s. ${values[0]})"`;
        for (const shell of SHELLS) {
          const found = await words(script.text, shell);
          deepStrictEqual(found, [...values, values[0], `${values[0]}.`]);
        }
      },
    ),
    { numRuns: SWEEP ? 2000 : 40 },
  );
});

Deno.test("S-03: sh`...` refuses a value, or shells take it for one word, wherever in a script it stands", async () => {
  await using folder = await temporaryFolder();
  const bin = `${folder.path}/bin`;
  const mark = `${folder.path}/mark`;
  await Deno.mkdir(bin);
  await Deno.symlink("/bin/cat", `${bin}/cat`);
  await Deno.writeTextFile(`${bin}/pwned`, `#!/bin/sh\necho pwned > ${mark}\n`, { mode: 0o755 });
  const options = { clearEnv: true, env: { PATH: bin }, stdin: "null", stderr: "null" } as const;
  /** What a script writes in a folder of its own. */
  const output = async (shell: string, script: string): Promise<string> => {
    const cwd = await Deno.makeTempDir({ dir: folder.path });
    // No word is split, and each that is written is told from the next.
    const text = `p() { printf '%s\\0' "[$#" "$@" "]"; }; x=abc IFS=; set -f\n${script}`;
    const { stdout } = await new Deno.Command(shell, { args: ["-c", text], cwd, ...options })
      .output();
    await Deno.remove(cwd, { recursive: true });
    return decoder.decode(stdout);
  };
  const syntax = async (shell: string, script: string): Promise<number> =>
    (await new Deno.Command(shell, { args: ["-n", "-c", script], ...options }).output()).code;
  await fc.assert(
    fc.asyncProperty(randomScript, fc.nat(), hostileValue, async (script, hole, value) => {
      const harmless = "QqZ";
      const [expected, found] = [filled(script, hole, harmless), filled(script, hole, value)];
      strictEqual(found === undefined, expected === undefined, "the value decides");
      if (found === undefined || expected === undefined) return;
      for (const shell of SHELLS) {
        strictEqual(await syntax(shell, found), await syntax(shell, expected), found);
        const outputs = async (): Promise<[string, string]> => [
          await output(shell, found),
          (await output(shell, expected)).replaceAll(harmless, () => value),
        ];
        // Where commands run beside each other, or write their numbers, an output proves nothing.
        const isSettled = !/\$[$!]|&|<\(|>\(/.test(expected);
        const [is, shouldBe] = await outputs();
        if (isSettled) strictEqual(is, shouldBe, found);
        await Deno.stat(mark).then(() => ok(false, `a command ran: ${found}`), () => {});
      }
    }),
    { numRuns: SWEEP ? 5000 : 60 },
  );
});

/** Text that the template of a tag cannot have in it. */
const raw = (text: string): ShellScript => new ShellScript(text);

/** What `sh` refuses, and what the message says of it. */
const REFUSED: readonly (readonly [() => ShellScript, RegExp])[] = [
  [() => sh`echo "${"x"}"`, /inside quotes, in line 1, after "echo \\"": .*leave the quotes out/],
  [() => sh`echo 'a ${"x"}'`, /inside quotes/],
  [() => sh`echo $'a ${"x"}'`, /inside quotes/],
  [() => sh`echo "$(cat "${"x"}")"`, /inside quotes/],
  [() => sh`x=$((1<<2)); echo "${"x"}"`, /inside quotes/],
  [() => sh`echo '<<EOF' "<<EOF"; echo "${"x"}"`, /inside quotes/],
  [() => sh`x=$(case a in a) echo;; esac; echo "${"x"}")`, /inside quotes/],
  [
    () =>
      sh`cat <<EOF
${"x"}
EOF`,
    /inside a here-document, in line 2, .*printf '%s\\n' VALUE \| COMMAND/,
  ],
  [
    () =>
      sh`cat <<'EOF' - <<-END
EOF
  ${"x"}
END`,
    /inside a here-document/,
  ],
  [
    () =>
      sh`cat <<EOF
$(cat ${"x"})
EOF`,
    /inside a here-document/,
  ],
  [() => sh`cat <<EOF${"x"}`, /as the delimiter of a here-document/],
  [
    () =>
      sh`cat <<EOF
${raw('${x:-"a"}')}
EOF
cat ${"x"}`,
    /behind a here-document with an expansion that .* has quotes in it/,
  ],
  [() => sh`echo # ${"x"}`, /inside a comment, .*leave it out/],
  [() => sh`#!/bin/sh ${"-x"}`, /inside a comment/],
  [() => sh`echo $((${"x"} + 1))`, /inside \(\(...\)\), .*calculate it before/],
  [() => sh`echo $((1 + (${"x"})))`, /inside \(\(...\)\)/],
  [() => sh`((i < ${"x"}))`, /inside \(\(...\)\)/],
  [() => sh`a[${"x"}]=1`, /inside \[...\]/],
  [() => sh`a[1 + ${"x"}]=1`, /behind a "\[" that is not closed/],
  [() => sh`a=([${"x"}]=1)`, /inside \[...\]/],
  [() => sh`echo $[${"x"}]`, /behind "\$\["/],
  [() => sh`echo ${raw("`")}cat ${"x"}${raw("`")}`, /inside backticks, .*use \$\(\.\.\.\)/],
  [() => sh`echo ${raw("${x:-")}${"x"}}`, /inside \$\{\.\.\.\}, .*assign it to a variable before/],
  [() => sh`echo $${"x"}`, /behind "\$"/],
  [() => sh`echo ${raw("\\")}${"x"}`, /behind "\\"/],
  [() => sh`echo $'it\'s' ${"x"}`, /behind \$'...\\'...'/],
  [() => sh`echo "${raw("${x%'\"'}")}" ${"x"}`, /behind a ' inside/],
  [() => sh`echo $((cat a) | cat) ${"x"}`, /behind "\(\(" without "\)\)"/],
  [() => sh`echo $(a=(${"x"}))`, /inside an array/],
  [() => sh`x=${["a", "b"]}`, /inside a word, .*put a blank before it/],
  [
    () =>
      sh`#!/usr/bin/python3
print(${"x"})`,
    /behind "#!\/usr\/bin\/python3", .*as an argument, or in the environment/,
  ],
  [() => sh`echo "$(${sh`) echo ${"x"}`}"`, /inside quotes/],
  [() => sh`echo "${sh`cat ${"x"}`}"`, /inside quotes/],
];

Deno.test("sh`...` refuses a value where quotes mean nothing or something else, and says what to do", () => {
  for (const [make, message] of REFUSED) {
    throws(
      make,
      (error) => error instanceof TypeError && message.test(error.message),
      String(message),
    );
  }
});

Deno.test("sh`...` takes values behind all that can be told apart from quotes", async () => {
  const value = 'it\'s\n"$(exit 9)"';
  const scripts = [
    sh`# don't
printf '%s\0' ${value}`,
    sh`printf '%s\0' "$(printf %s ${value})" # "`,
    sh`cat <<EOF >&2; printf '%s\0' ${value}
it's "
EOF`,
    sh`cat <<'A' <<-\B >&2
"$(\`'
A
	it's
	B
printf '%s\0' ${value}`,
    sh`x=$(cat <<EOF
$(echo ")" '"')
EOF
); printf '%s\0' ${value}`,
    sh`x=$((1<<2)); y=$(( (x) + $(printf 1 ) )); printf '%s\0' ${value}`,
    sh`x=$((1 + $(printf %s ${value} | wc -c))); [ $x = 17 ] && printf '%s\0' ${value}`,
    sh`x="${raw(`\${x%'.txt'}\${y:-"a}"}`)}"; printf '%s\0' ${value}`,
    sh`x=$(case a in (b) ;; a) printf '%s' ${value};; esac); printf '%s\0' "$x"`,
    sh`case ${value} in a) ;; ${value}) printf '%s\0' ${value};; esac`,
    sh`f() (printf '%s\0' ${value}); f`,
    sh`x=${raw('`echo "it\'s"`')}; printf '%s\0' ${value}`,
    sh`printf '%s\0' \
  ${value}`,
    sh`x='' y=$x${value}; printf '%s\0' "$y"`,
    sh`[ ${value} = ${value} ] && printf '%s\0' ${value}`,
    sh`#!/usr/bin/env bash
printf '%s\0' ${value}`,
  ];
  for (const script of scripts) {
    for (const shell of SHELLS) {
      deepStrictEqual(await words(String(script), shell), [value], String(script));
    }
  }
});

Deno.test("sh`...` quotes every value, so that it is part of no name, number or list", async () => {
  deepStrictEqual(await words(sh`printf '%s\0' x ${2}>&1`.text), ["x", "2"]);
  strictEqual(sh`${"if"} x`.text, "'if' x");
  const script = sh`x=1; printf '%s\0' $x${"A"} ~${"+"} {a,${"b,c"}}`;
  deepStrictEqual(await words(script.text, "/bin/bash"), ["1A", "~+", "a", "b,c"]);
  strictEqual(sh`cat ${[]} ${["a", "b"]} x=${"c"}`.text, "cat  'a' 'b' x='c'");
});

Deno.test("sh`...` leaves a script in it as it is, wherever that stands", () => {
  strictEqual(sh`${raw("a | b")} > ${"c d"}`.text, "a | b > 'c d'");
  strictEqual(sh`echo $((${raw("1 + 2")}))`.text, "echo $((1 + 2))");
  strictEqual(sh`x=$(${sh`cat ${"a b"}`}) y`.text, "x=$(cat 'a b') y");
});

Deno.test("shquote() refuses what has no text", () => {
  throws(() => shquote(undefined), TypeError);
  throws(() => shquote({ a: 1 }), TypeError);
  throws(() => shquote("a\0b"), TypeError);
  strictEqual(shquote(new URL("file:///a%20b")), "'/a b'");
});
