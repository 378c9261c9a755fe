/**
 * Sentences on which keys a store can hold.
 *
 * @module
 */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { holds } from "./checks.ts";
import { forAll, ID_CHARACTERS, TELLING_IDS } from "./data.ts";
import type { Case, Subject } from "./subject.ts";

/** Makes the keys that are ids here, and shows that each of them, and only those, is there; then deletes every second. */
async function roundTrip(
  { repository, put }: Subject,
  candidates: readonly string[],
): Promise<void> {
  const jobs = candidates.filter((job) => repository.isValidJobId(job));
  for (const job of jobs) {
    strictEqual(await repository.contains(job), false, `"${job}" before it was made`);
  }
  await forAll(jobs, put);
  await holds(repository, ...jobs);
  for (const job of jobs) strictEqual(await repository.contains(job), true, `"${job}"`);
  deepStrictEqual([...(await repository.infoAll()).keys()].sort(), jobs.toSorted());
  const [gone, kept] = [0, 1].map((rest) => jobs.filter((_, at) => at % 2 === rest));
  await forAll(gone ?? [], (job) => repository.delete(job));
  await holds(repository, ...kept ?? []);
}

export const keyCases: readonly Case[] = [
  {
    sentence: "a key can have every allowed character inside",
    run: (subject) => roundTrip(subject, ID_CHARACTERS.map((char, at) => `k${at}${char}z`)),
  },
  {
    sentence: "a key can be one character",
    run: (subject) => {
      const chars = subject.caseSensitive
        ? ID_CHARACTERS
        : ID_CHARACTERS.filter((char) => char === char.toLowerCase());
      return roundTrip(subject, chars);
    },
  },
  {
    sentence: "a key can be as long as the rule allows",
    run: (subject) => {
      let longest = 200;
      while (longest > 2 && !subject.repository.isValidJobId("a".repeat(longest))) longest--;
      const stem = "a".repeat(longest - 1);
      return roundTrip(subject, [stem, `${stem}b`, `${stem}c`]);
    },
  },
  {
    sentence: "keys that differ only by case are different keys",
    applies: ({ caseSensitive }) => caseSensitive,
    run: (subject) => roundTrip(subject, ["moby", "Moby", "MOBY", "mobY"]),
  },
  {
    sentence: "keys that mean something elsewhere are ordinary keys",
    run: (subject) => roundTrip(subject, TELLING_IDS),
  },
  {
    sentence: "keys that begin or end alike are kept apart",
    run: (subject) =>
      roundTrip(subject, ["a", "ab", "abc", "b", "bc", "c", "a.b", "a-b", "a.b.c", "b.a"]),
  },
];
