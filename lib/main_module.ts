let given: string | undefined;

/**
 * Gives the URL of the module that defines the running pipeline, which a worker, a subprocess or a pod loads to find
 * the same tasks again. It is the program's main module, unless a loader has named another.
 *
 * Internal to this library.
 */
export function mainModule(): string {
  return given ?? Deno.mainModule;
}

/**
 * Names the module that defines the pipeline, for a program that loads it instead of being it.
 *
 * Internal to this library.
 */
export function setMainModule(url: string): void {
  given = url;
}
