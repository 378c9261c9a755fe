/**
 * What the compiler knows of a task's links.
 *
 * @module
 */

import type { Repository } from "./repository.ts";

/** Where the types of a task's links are kept. It exists for the compiler only. */
export declare const linkTypes: unique symbol;

/** A repository and whether it is an output, as the compiler knows a link. */
export interface LinkType<R extends Repository = Repository, Output extends boolean = boolean> {
  /** The repository. */
  readonly repo: R;
  /** Whether it is an output. */
  readonly output: Output;
}

/** Something with links, as the compiler knows it. */
export interface HasLinks<Links> {
  /** The links by name. */
  readonly [linkTypes]: Links;
}

/** The links of a task, as the compiler knows them. */
export type LinksOf<T> = T extends HasLinks<infer Links> ? Links : never;

/** The repositories of a task's links, by name. */
export type RepositoriesOf<T> = {
  readonly [Name in keyof LinksOf<T>]: LinksOf<T>[Name] extends LinkType<infer R> ? R : never;
};

/** The names of a task's outputs. */
export type OutputsOf<T> = keyof OutputLinks<LinksOf<T>> & string;

/** The outputs among links. */
export type OutputLinks<Links> = {
  readonly [Name in keyof Links as Links[Name] extends { readonly output: true } ? Name : never]:
    Links[Name];
};

/** What a plugged task gets of another's outputs. */
export type Plugged<T, Names extends string> = {
  readonly [Name in OutputsOf<T> & Names]: LinkType<RepositoriesOf<T>[Name], false>;
};

/** What is wrong with a name. Nothing is assignable to it, and the compiler shows the sentence. */
export interface NameProblem<Sentence extends string> {
  /** The sentence. */
  readonly [nameProblem]: Sentence;
}

/** Where the sentence is kept. It exists for the compiler only. */
export declare const nameProblem: unique symbol;

/** Anything, if a name is still free for a link of a task; otherwise what is wrong with it. */
export type FreeName<Name extends string, T> = Name extends keyof LinksOf<T>
  ? NameProblem<`"${Name}" is linked already`>
  : Name extends ReservedName
    ? NameProblem<`"${Name}" is not a name for a link: functions are given it by datatask`>
  : unknown;

/** Names that functions and templates are given besides the links. */
export type ReservedName = "job" | "signal" | "task";

/** Whether options say that a link is an output. */
export type IsOutput<Options> = Options extends { readonly isOutput: true } ? true : false;
