import ajvCompiler from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'

type Validate = ((data: unknown) => unknown) & { errors?: unknown }
type Serialize = (data: unknown) => string
type Compiler<Made> = (definition: unknown) => Made
type Factory<Made> = (externalSchemas: unknown, options: unknown) => Compiler<Made>

type AjvOptions = Readonly<{ customOptions?: Readonly<Record<string, unknown>> }>

/** What compiles the schemas of routes, and a way to have all of them compiled now. */
export type LazyCompilers = Readonly<{
  compilersFactory: Readonly<{ buildValidator: Factory<Validate>; buildSerializer: Factory<Serialize> }>
  /** Throws what Fastify would have thrown at the start for a schema that cannot be compiled. */
  compileAll(): void
}>

/**
 * Fastify's own compilers, each schema compiled when it is first needed: several hundred of them cost seconds and tens of
 * megabytes at every start, and a shift uses few.
 */
export function createLazyCompilers(): LazyCompilers {
  const pending: (() => void)[] = []
  const lazily = <Made>(make: () => Made): (() => Made) => {
    let made: Made | undefined
    const get = () => {
      made ??= make()
      return made
    }
    pending.push(get)
    return get
  }
  const validators = ajvCompiler() as unknown as Factory<Validate>
  const serializers = SerializerSelector() as unknown as Factory<Serialize>
  return {
    compilersFactory: {
      buildValidator(externalSchemas, options) {
        const ofText = validators(externalSchemas, options)
        // JSON has types of its own: read as the first type of a union, a null that means "no end" would become 0.
        const ofJson = validators(externalSchemas, withoutCoercion(options as AjvOptions))
        return definition => {
          const { httpPart } = definition as Readonly<{ httpPart?: string }>
          const validator = lazily(() => (httpPart === 'body' ? ofJson : ofText)(definition))
          const validate: Validate = data => {
            const own = validator()
            const isRight = own(data)
            // Where Fastify reads them.
            validate.errors = own.errors
            return isRight
          }
          return validate
        }
      },
      buildSerializer(externalSchemas, options) {
        const compile = serializers(externalSchemas, options)
        return definition => {
          const serializer = lazily(() => compile(definition))
          return data => serializer()(data)
        }
      }
    },
    compileAll() {
      for (const compile of pending) compile()
    }
  }
}

function withoutCoercion(options: AjvOptions): AjvOptions {
  return { ...options, customOptions: { ...options.customOptions, coerceTypes: false } }
}
