/**
 * Makes JavaScript that runs from the mirror out of what a module is written in.
 *
 * Types go, and so does what the runtime may not know: decorators, `using`, JSX. Imports are numbered, for their
 * targets come to have other names. `import.meta` and `import()` go through {@linkcode moduleContext}. The source map
 * that is written behind the code names the module's own URL, so that every stack does.
 *
 * @module
 */

import type ts from "typescript";
import type { ModuleKind } from "./media_type.ts";
import { ModuleError, UnreachableModuleError } from "./module_error.ts";

/** Changes whenever the same module would give other code. */
export const EMIT_VERSION = 1;

/** An import of a module. */
export interface ImportSite {
  /** What is imported, as it is written. */
  readonly specifier: string;
  /** The `type` among its attributes. */
  readonly type?: string;
  /** Whether it is an `import()`, which is followed when it is reached. */
  readonly dynamic?: true;
  /** Where it is: the line and the column, from 1. */
  readonly line: number;
  /** The column. */
  readonly column: number;
}

/** A module as JavaScript. */
export interface Emitted {
  /** The code, with holes for the specifiers of static imports. */
  readonly code: string;
  /** What stands in a hole, before its number. */
  readonly hole: string;
  /** Its imports. The hole of a static one has its index as number; that of the context has the number -1. */
  readonly imports: readonly ImportSite[];
}

/** The number of the hole for the module of {@linkcode moduleContext}. */
export const CONTEXT_HOLE = -1;

/**
 * Translates a module.
 *
 * @param source Its text.
 * @param url Its URL.
 * @param kind What it is written in.
 * @param hash The hash of the text.
 * @returns The code.
 * @throws {ModuleError} If the text is no such code.
 */
export async function emit(
  source: string,
  url: string,
  kind: Exclude<ModuleKind, "json">,
  hash: string,
): Promise<Emitted> {
  const compiler = await loadCompiler();
  const imports: ImportSite[] = [];
  const hole = `module-${hash.slice(0, 16)}-`;
  const { outputText, sourceMapText, diagnostics } = compiler.transpileModule(source, {
    fileName: `module.${kind}`,
    reportDiagnostics: true,
    compilerOptions: {
      allowJs: true,
      isolatedModules: true,
      jsx: compiler.JsxEmit.React,
      module: compiler.ModuleKind.ESNext,
      moduleDetection: compiler.ModuleDetectionKind.Force,
      sourceMap: true,
      target: compiler.ScriptTarget.ES2022,
      useDefineForClassFields: true,
    },
    transformers: { after: [rewriter(compiler, { url, hole, imports })] },
  });
  const wrong = diagnostics?.find(({ category }) => category === compiler.DiagnosticCategory.Error);
  if (wrong !== undefined) {
    const message = compiler.flattenDiagnosticMessageText(wrong.messageText, " ");
    const { line, character } = compiler.getLineAndCharacterOfPosition(
      compiler.createSourceFile("module.ts", source, compiler.ScriptTarget.ES2022),
      wrong.start ?? 0,
    );
    throw new ModuleError(
      `${url}:${line + 1}:${character + 1}`,
      `${message.replace(/\.$/, "")}; the file is no ${NAMES[kind]}`,
    );
  }
  const map = { ...JSON.parse(sourceMapText ?? "{}"), sources: [url] };
  const encoded = new TextEncoder().encode(JSON.stringify(map)).toBase64();
  const code = outputText.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "");
  return {
    code: `${code}\n//# sourceMappingURL=data:application/json;base64,${encoded}\n`,
    hole,
    imports,
  };
}

async function loadCompiler(): Promise<typeof ts> {
  try {
    return (await import("typescript")).default;
  } catch (error) {
    throw new UnreachableModuleError(
      "the compiler of TypeScript",
      `${error instanceof Error ? error.message : error}; see that the package can be reached`,
      undefined,
      { cause: error },
    );
  }
}

const NAMES = {
  ts: "valid TypeScript",
  tsx: "valid TypeScript",
  js: "valid JavaScript",
  jsx: "valid JavaScript",
};

interface Rewriting {
  readonly url: string;
  readonly hole: string;
  readonly imports: ImportSite[];
}

/** Finds imports, and puts holes and contexts in their places. */
function rewriter(
  compiler: typeof ts,
  { url, hole, imports }: Rewriting,
): ts.TransformerFactory<ts.SourceFile> {
  return (transformation) => (file) => {
    const { factory } = transformation;
    const context = factory.createUniqueName("moduleContext");
    let usesContext = false;

    const site = (node: ts.Node, specifier: string, type?: string, dynamic?: true): number => {
      const original = compiler.getOriginalNode(node);
      const start = original.pos < 0 ? 0 : original.getStart(file); // what JSX imports is written nowhere
      const { line, character } = compiler.getLineAndCharacterOfPosition(file, start);
      return imports.push({
        specifier,
        ...type !== undefined && { type },
        ...dynamic && { dynamic },
        line: line + 1,
        column: character + 1,
      }) - 1;
    };

    const inContext = (): ts.Expression => {
      usesContext = true;
      const meta = factory.createMetaProperty(
        compiler.SyntaxKind.ImportKeyword,
        factory.createIdentifier("meta"),
      );
      return factory.createCallExpression(context, undefined, [
        factory.createStringLiteral(url),
        factory.createPropertyAccessExpression(meta, "url"),
      ]);
    };

    const visit = (node: ts.Node): ts.Node => {
      if (compiler.isImportDeclaration(node)) {
        return factory.updateImportDeclaration(
          node,
          node.modifiers,
          node.importClause,
          holeFor(node, node.moduleSpecifier, node.attributes),
          undefined,
        );
      }
      if (compiler.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
        return factory.updateExportDeclaration(
          node,
          node.modifiers,
          node.isTypeOnly,
          node.exportClause,
          holeFor(node, node.moduleSpecifier, node.attributes),
          undefined,
        );
      }
      if (
        compiler.isMetaProperty(node) && node.keywordToken === compiler.SyntaxKind.ImportKeyword
      ) {
        return factory.createPropertyAccessExpression(inContext(), "meta");
      }
      const visited = compiler.visitEachChild(node, visit, transformation);
      if (
        !compiler.isCallExpression(visited) ||
        visited.expression.kind !== compiler.SyntaxKind.ImportKeyword
      ) return visited;
      const [specifier, options] = visited.arguments;
      if (specifier !== undefined && compiler.isStringLiteralLike(specifier)) {
        site(node, specifier.text, typeIn(options), true);
      }
      const load = factory.createPropertyAccessExpression(inContext(), "import");
      return factory.createCallExpression(load, undefined, visited.arguments);
    };

    const holeFor = (
      node: ts.Node,
      specifier: ts.Expression,
      attributes: ts.ImportAttributes | undefined,
    ): ts.Expression => {
      if (!compiler.isStringLiteral(specifier)) return specifier;
      const type = attributes?.elements.find(({ name }) => name.text === "type")?.value;
      const text = type !== undefined && compiler.isStringLiteral(type) ? type.text : undefined;
      return factory.createStringLiteral(`${hole}${site(node, specifier.text, text)}`);
    };

    /** The type in `{ with: { type: "json" } }`. */
    const typeIn = (options: ts.Expression | undefined): string | undefined => {
      const attributes = propertyOf(options, "with");
      const type = propertyOf(attributes, "type");
      return type !== undefined && compiler.isStringLiteralLike(type) ? type.text : undefined;
    };

    const propertyOf = (
      object: ts.Expression | undefined,
      name: string,
    ): ts.Expression | undefined => {
      if (object === undefined || !compiler.isObjectLiteralExpression(object)) return undefined;
      for (const property of object.properties) {
        if (
          compiler.isPropertyAssignment(property) &&
          !compiler.isComputedPropertyName(property.name) &&
          property.name.text === name
        ) return property.initializer;
      }
      return undefined;
    };

    const visited = compiler.visitEachChild(file, visit, transformation);
    if (!usesContext) return visited;
    const clause = factory.createImportClause(
      undefined,
      undefined,
      factory.createNamedImports([
        factory.createImportSpecifier(false, factory.createIdentifier("moduleContext"), context),
      ]),
    );
    const declaration = factory.createImportDeclaration(
      undefined,
      clause,
      factory.createStringLiteral(`${hole}${CONTEXT_HOLE}`),
    );
    return factory.updateSourceFile(visited, [declaration, ...visited.statements]);
  };
}
