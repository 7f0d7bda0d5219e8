/**
 * Writes small neural networks in the ONNX format, so that a library that runs networks can be tested on real ones. The
 * messages and their field numbers are those of onnx.proto3; what is not needed here is left out.
 */
export type OnnxTensor =
  | Readonly<{ name: string; dims: readonly number[]; floats: Float32Array }>
  | Readonly<{ name: string; dims: readonly number[]; integers: readonly number[] }>
/** An input or output; a dimension that is a word may be of any size. */
export type OnnxPort = Readonly<{ name: string; of: 'floats' | 'integers'; dims: readonly (number | string)[] }>
export type OnnxNode = Readonly<{
  op: string
  inputs: readonly string[]
  outputs: readonly string[]
  /** Whole numbers, or lists of them. */
  attributes?: Readonly<Record<string, number | readonly number[]>>
}>
export type OnnxModel = Readonly<{
  inputs: readonly OnnxPort[]
  outputs: readonly OnnxPort[]
  nodes: readonly OnnxNode[]
  constants: readonly OnnxTensor[]
  metadata?: Readonly<Record<string, string>>
}>

const IR_VERSION = 8
const OPERATORS_VERSION = 13
const TYPES = { floats: 1, integers: 7 }
const ATTRIBUTE_INT = 2
const ATTRIBUTE_INTS = 7

export function onnxFile({ inputs, outputs, nodes, constants, metadata = {} }: OnnxModel): Buffer {
  const graph = Buffer.concat([
    ...nodes.map(one => bytes(1, nodeOf(one))),
    text(2, 'graph'),
    ...constants.map(one => bytes(5, tensorOf(one))),
    ...inputs.map(one => bytes(11, portOf(one))),
    ...outputs.map(one => bytes(12, portOf(one)))
  ])
  return Buffer.concat([
    integer(1, IR_VERSION),
    bytes(7, graph),
    bytes(8, integer(2, OPERATORS_VERSION)),
    ...Object.entries(metadata).map(([key, value]) => bytes(14, Buffer.concat([text(1, key), text(2, value)])))
  ])
}

function nodeOf({ op, inputs, outputs, attributes = {} }: OnnxNode): Buffer {
  return Buffer.concat([
    ...inputs.map(name => text(1, name)),
    ...outputs.map(name => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attributeOf(name, value)))
  ])
}

function attributeOf(name: string, value: number | readonly number[]): Buffer {
  if (typeof value === 'number') return Buffer.concat([text(1, name), integer(3, value), integer(20, ATTRIBUTE_INT)])
  return Buffer.concat([text(1, name), ...value.map(one => integer(8, one)), integer(20, ATTRIBUTE_INTS)])
}

function tensorOf(tensor: OnnxTensor): Buffer {
  const isFloats = 'floats' in tensor
  const raw = isFloats ? Buffer.alloc(tensor.floats.length * 4) : Buffer.alloc(tensor.integers.length * 8)
  if (isFloats) for (const [at, value] of tensor.floats.entries()) raw.writeFloatLE(value, at * 4)
  else for (const [at, value] of tensor.integers.entries()) raw.writeBigInt64LE(BigInt(value), at * 8)
  return Buffer.concat([
    ...tensor.dims.map(one => integer(1, one)),
    integer(2, isFloats ? TYPES.floats : TYPES.integers),
    text(8, tensor.name),
    bytes(9, raw)
  ])
}

function portOf({ name, of, dims }: OnnxPort): Buffer {
  const shape = Buffer.concat(dims.map(one => bytes(1, typeof one === 'number' ? integer(1, one) : text(2, one))))
  const tensor = Buffer.concat([integer(1, TYPES[of]), bytes(2, shape)])
  return Buffer.concat([text(1, name), bytes(2, bytes(1, tensor))])
}

function integer(field: number, value: number): Buffer {
  return Buffer.from([...varint(field << 3), ...varint(value)])
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value))
}

/** A field of a known length: a string, bytes, or a message within the message. */
function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(value.length)]), value])
}

/** Seven bits at a time, the lowest first; no value here is negative. */
function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
}
