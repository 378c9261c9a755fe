/**
 * Jinja templates, by the library MiniJinja, which is loaded when it is first needed.
 *
 * @module
 */

import { JobError, StoreError } from "../lib/errors.ts";
import { yamlPartWriter } from "../lib/yaml.ts";
import { shquote } from "./sh.ts";

/** Where the text of a template is: the text itself, or a file. */
export type TemplateSource = string | { readonly file: string | URL };

/** How a message of the library tells of the place of an error: the line, marked, and below it the marks. */
const PLACE = /^ *\d+ > (?<line>.*)\n +i (?<marks> *\^+)/m;

/** The key of what an object says of itself, which the library would take for nothing but its fields. */
const TEXT = `text_${crypto.randomUUID().replaceAll("-", "")}`;

let library: Promise<Library> | undefined;
/** What the filter `toyaml` does, once a template has been made that uses it. */
let toYaml: ((value: unknown) => string) | undefined;

/** A template that is ready to be rendered. */
export class Template {
  readonly #text: string;
  readonly #what: string;
  readonly #render: Library["render"];

  private constructor(text: string, what: string, render: Library["render"]) {
    this.#text = text;
    this.#what = what;
    this.#render = render;
  }

  /**
   * Makes a template.
   *
   * @param source Its text, or its file.
   * @param what How messages call it.
   * @returns The template. Whether it is well-formed shows when it is rendered.
   * @throws {JobError} If its file cannot be read, with class `config`.
   */
  static async load(source: TemplateSource, what: string): Promise<Template> {
    const { render } = await (library ??= load());
    if (typeof source === "string") return await Template.#make(source, what, render);
    let text: string;
    try {
      text = await Deno.readTextFile(source.file);
    } catch (error) {
      throw new JobError(
        `Cannot read the ${what} from ${source.file}: ${
          error instanceof Error ? error.message : error
        }; correct the path`,
        { cause: error, class: "config" },
      );
    }
    return await Template.#make(text, `${what} (${source.file})`, render);
  }

  static async #make(text: string, what: string, render: Library["render"]): Promise<Template> {
    if (text.includes("toyaml")) toYaml ??= await yamlPartWriter();
    return new Template(text, what, render);
  }

  /**
   * Which of some names the template may use.
   *
   * @param names The names.
   * @returns Those that stand somewhere in its text.
   */
  mentioned(names: Iterable<string>): string[] {
    const words = new Set(this.#text.match(/[A-Za-z_]\w*/g));
    return [...names].filter((name) => words.has(name));
  }

  /**
   * Renders it.
   *
   * @param values The variables.
   * @returns The text, with its last newline.
   * @throws {JobError} If it is not well-formed, uses what is not defined, or a filter fails: with class `config`.
   */
  render(values: Readonly<Record<string, unknown>>): string {
    try {
      return this.#render(this.#text, values);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const { happened, line } = /^(?<happened>.*?)(?: \(in .*:(?<line>\d+)\))?$/m
        .exec(error.message)?.groups ?? {};
      const place = PLACE.exec(error.message)?.groups;
      const at = place && place.line!.slice(
        place.marks!.indexOf("^"),
        place.marks!.length,
      );
      throw new JobError(
        `Cannot render the ${this.#what}: ${line === undefined ? "" : `line ${line}: `}${happened}${
          at === undefined ? "" : ` at ${JSON.stringify(at)}`
        }; correct the template, or link what it needs`,
        { cause: error, class: "config" },
      );
    }
  }
}

interface Library {
  render(text: string, values: Readonly<Record<string, unknown>>): string;
}

async function load(): Promise<Library> {
  const { Environment } = await import("minijinja-js").catch((error) => {
    throw new StoreError(
      `Cannot load the template library minijinja-js: ${error.message}; see that the package can be reached`,
      { cause: error },
    );
  });
  const environment = new Environment();
  environment.debug = true;
  environment.undefinedBehavior = "strict";
  environment.keepTrailingNewline = true;
  let failure: unknown;
  // What a filter throws would end the library, not the rendering: it is thrown afterwards.
  const filter = (name: string, func: (value: unknown) => string): void => {
    environment.addFilter(name, (value: unknown) => {
      try {
        return func(fromLibrary(value));
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        failure ??= new Error(`filter ${name}: ${message.replaceAll(/\s*\n\s*/g, " ")}`);
        return "";
      }
    });
  };
  filter("shquote", shquote);
  filter("tojson", (value) => JSON.stringify(value));
  filter("toyaml", (value) => toYaml!(value)); // no template mentions it that was made without
  const names = new Map<string, string>();
  return {
    render(text, values) {
      let name = names.get(text);
      if (name === undefined) {
        name = `template-${names.size}.txt`;
        environment.addTemplate(name, text);
        names.set(text, name);
      }
      failure = undefined;
      const said: Said[] = [];
      const plainValues = Object.entries(values).map(([name, value]) => [name, plain(value, said)]);
      let rendered = environment.renderTemplate(name, Object.fromEntries(plainValues));
      if (failure !== undefined) throw failure;
      if (said.length === 0 || !rendered.toLowerCase().includes(TEXT)) return rendered;
      for (const { object, text } of said.reverse()) { // the outer ones first
        const shown = environment.renderStr("{{ object }}", { object });
        rendered = rendered.replaceAll(shown, () => text);
      }
      if (!rendered.toLowerCase().includes(TEXT)) return rendered;
      throw new Error(
        "an object that is more than its text was changed; name one of its properties there",
      );
    },
  };
}

/** An object as the library is given it, and what it says of itself. */
interface Said {
  readonly object: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/**
 * A value as the library understands it: it would take dates and URLs for empty objects.
 *
 * @param said To which the objects are added that say something of themselves.
 */
function plain(value: unknown, said: Said[]): unknown {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof URL) {
    return value.protocol === "file:" ? decodeURIComponent(value.pathname) : value.href;
  }
  if (value instanceof Map) return plain(Object.fromEntries(value), said);
  if (Array.isArray(value)) return value.map((item) => plain(item, said));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([key, item]) => [key, plain(item, said)]);
  const { toString } = value;
  if (typeof toString !== "function" || toString === Object.prototype.toString) {
    return Object.fromEntries(fields);
  }
  const text = String(value);
  if (fields.length === 0) return text;
  const object = Object.fromEntries([...fields, [TEXT, text]]);
  said.push({ object, text });
  return object;
}

/** A value as the library hands it to a filter, as JSON has it. */
function fromLibrary(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Map) {
    const text: unknown = value.get(TEXT);
    const object = Object.fromEntries(
      [...value].filter(([key]) => key !== TEXT).map(([key, item]) => [key, fromLibrary(item)]),
    );
    return text === undefined ? object : Object.defineProperty(object, "toString", {
      value: () => text, // not one of its fields
    });
  }
  return Array.isArray(value) ? value.map(fromLibrary) : value;
}
