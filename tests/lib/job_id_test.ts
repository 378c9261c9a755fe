import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { isValidJobId, JOB_ID_RULE, JobIdRule } from "../../lib/job_id.ts";

function accepted(rule: JobIdRule, jobs: readonly string[]): string[] {
  return jobs.filter((job) => rule.accepts(job));
}

Deno.test("a job id is made of letters, digits, dots, hyphens and underscores, of which the last three are inside", () => {
  for (let code = 0; code < 0x200; code++) {
    const char = String.fromCharCode(code);
    const isEnd = /[A-Za-z0-9]/.test(char);
    strictEqual(isValidJobId(char), isEnd, char);
    strictEqual(isValidJobId(`a${char}`), isEnd, char);
    strictEqual(isValidJobId(`a${char}a`), isEnd || /[._-]/.test(char), char);
  }
  strictEqual(JOB_ID_RULE.asciiOnly, true);
});

Deno.test("JobIdRule takes characters beyond ASCII, and those of two code units as one", () => {
  const rule = new JobIdRule({ charset: "aé😀-", charsetStartEnd: "a😀b" });
  strictEqual(rule.asciiOnly, false);
  deepStrictEqual(
    accepted(rule, [
      "a",
      "😀",
      "é",
      "-",
      "b",
      "aéa",
      "😀-😀",
      "a😀",
      "aé",
      "😀é",
      "aba",
      "a\ud83da",
      "a日a",
    ]),
    ["a", "😀", "aéa", "😀-😀", "a😀"],
  );
});

Deno.test("JobIdRule allows no separator of paths and no control character, whatever it is told", () => {
  const charset = "a./\\\0\x1f\x7f";
  const rule = new JobIdRule({ charset, charsetStartEnd: charset });
  const jobs = [...charset].flatMap((char) => [char, `a${char}a`]);
  deepStrictEqual(accepted(rule, [...jobs, "..", "..."]), ["a", "aaa", "a.a", "..."]);
});

Deno.test("JobIdRule lets no character be at an end that is none inside", () => {
  const rule = new JobIdRule({ charset: "a", charsetStartEnd: "ab" });
  deepStrictEqual(accepted(rule, ["a", "aa", "b", "ba", "ab"]), ["a", "aa"]);
});
