import { crc32, deflateRawSync } from 'node:zlib'

/*
 * A ZIP archive as APPNOTE 6.3 lays it out, written front to back: for each file a local header and its data, at the end
 * the directory. Names are UTF-8 (general purpose bit 11). Archives beyond 4 GB are refused: they would need ZIP64.
 */

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const UTF8 = 0x0800
const MAX_BYTES = 0xffff_ffff

export class ZipWriter {
  readonly #entries: Buffer[] = []
  #offset = 0

  /** The bytes of one file; sound is stored as it is, text is compressed. */
  file(name: string, content: Buffer, isCompressed: boolean): Buffer {
    const data = isCompressed ? deflateRawSync(content) : content
    const path = Buffer.from(name, 'utf8')
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(UTF8, 2)
    fields.writeUInt16LE(isCompressed ? 8 : 0, 4)
    // 1 January 1980: when the archive was made stands in its data.
    fields.writeUInt16LE(0x21, 8)
    fields.writeUInt32LE(crc32(content), 10)
    fields.writeUInt32LE(data.length, 14)
    fields.writeUInt32LE(content.length, 18)
    fields.writeUInt16LE(path.length, 22)
    const head = Buffer.alloc(4)
    head.writeUInt32LE(LOCAL, 0)
    const central = Buffer.alloc(46)
    central.writeUInt32LE(CENTRAL, 0)
    central.writeUInt16LE(20, 4)
    fields.copy(central, 6)
    central.writeUInt32LE(this.#offset, 42)
    this.#entries.push(central, path)
    const local = Buffer.concat([head, fields, path, data])
    this.#offset += local.length
    if (this.#offset > MAX_BYTES) throw new RangeError('the archive would be larger than 4 GB')
    return local
  }

  end(): Buffer {
    const directory = Buffer.concat(this.#entries)
    const count = this.#entries.length / 2
    const end = Buffer.alloc(22)
    end.writeUInt32LE(END, 0)
    end.writeUInt16LE(count, 8)
    end.writeUInt16LE(count, 10)
    end.writeUInt32LE(directory.length, 12)
    end.writeUInt32LE(this.#offset, 16)
    return Buffer.concat([directory, end])
  }
}
