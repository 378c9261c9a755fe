/**
 * The module that defines the running pipeline.
 *
 * @module
 */

interface MainModule {
  readonly url: string;
  readonly file: string;
  readonly lends: boolean;
}

let given: MainModule | undefined;

/**
 * Gives the URL of the module that defines the running pipeline: what it is known by, and from where another machine
 * can load it. It is the program's main module, unless a loader has named another.
 *
 * Internal to this library.
 *
 * @returns The URL, which is the same whenever and however the pipeline is run.
 */
export function mainModule(): string {
  return given?.url ?? Deno.mainModule;
}

/**
 * Gives the URL that a worker or a subprocess on this machine imports to find the same tasks again. Where a loader
 * has fetched and translated the module, it is that of the file it has made.
 *
 * Internal to this library.
 *
 * @returns The URL, which `import()` takes in every thread and process of this program.
 */
export function importableMainModule(): string {
  return given?.file ?? Deno.mainModule;
}

/**
 * Whether a loader has named the module: the program then is one that runs any pipeline.
 *
 * Internal to this library.
 *
 * @returns Whether it has.
 */
export function isMainModuleLoaded(): boolean {
  return given !== undefined;
}

/**
 * Whether another thread or process runs the pipeline, and this one only calls functions of it: here it must not run.
 *
 * Internal to this library.
 *
 * @returns Whether it does.
 */
export function onlyLendsFunctions(): boolean {
  return given?.lends ?? false;
}

/**
 * Names the module that defines the pipeline, for a program that loads it instead of being it.
 *
 * Internal to this library.
 *
 * @param url The URL of the module.
 * @param file The URL from which it can be imported on this machine.
 */
export function setMainModule(url: string, file: string = url): void {
  given = { url, file, lends: false };
}

/**
 * Names the module that defines the pipeline, where it is imported for its functions only.
 *
 * Internal to this library.
 *
 * @param url The URL of the module.
 * @param file The URL from which it can be imported on this machine.
 */
export function setLendingModule(url: string, file: string): void {
  given = { url, file, lends: true };
}
