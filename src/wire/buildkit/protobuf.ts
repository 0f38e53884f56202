/** Protocol Buffers, as far as BuildKit's services use them: messages are described once, as data, and their types follow from that. */
import { EngineError } from '../../errors/engine-error.ts';
import { ProtobufReader } from './protobuf-reader.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** One field: its number, and how its value is read and written (protobuf.dev, "Encoding"). */
export interface Field<T> {
  number: number;
  /** What a message has that says nothing of it. */
  empty: () => T;
  /** The value with one more occurrence of the field, whose tag has been read. */
  read: (reader: ProtobufReader, wireType: number, before: T) => T;
  /** Writes nothing for the empty value. */
  write: (writer: ProtobufWriter, value: T) => void;
}

type Fields = Readonly<Record<string, Field<unknown>>>;

/** `Value` is what decoding gives, and what encoding takes a part of. */
export interface Message<Value> {
  decode(bytes: Uint8Array): Value;
  encode(value: Partial<Value>): Buffer;
}

/** The type of a message's decoded value. */
export type ValueOf<M> = M extends Message<infer Value> ? Value : never;

type ValuesOf<F> = { [Name in keyof F]: F[Name] extends Field<infer Value> ? Value : never };

/** EngineError `invalid-argument` from `decode` for bytes that are no such message. Fields that are not described are skipped. */
export function message<F extends Readonly<Record<string, { number: number }>>>(
  fields: F,
): Message<ValuesOf<F>> {
  const described = Object.entries(fields as unknown as Fields);
  const byNumber = new Map(described.map(([name, field]) => [field.number, { name, field }]));
  return {
    decode(bytes) {
      const value: Record<string, unknown> = {};
      for (const [name, field] of described) value[name] = field.empty();
      const reader = new ProtobufReader(bytes);
      while (!reader.isAtEnd) {
        const tag = reader.varint();
        const known = byNumber.get(tag >>> 3);
        if (known === undefined) reader.skip(tag & 7);
        else value[known.name] = known.field.read(reader, tag & 7, value[known.name]);
      }
      return value as ValuesOf<F>;
    },
    encode(value) {
      const writer = new ProtobufWriter();
      for (const [name, field] of described) {
        const given: unknown = Reflect.get(value, name);
        if (given !== undefined) field.write(writer, given);
      }
      return writer.finish();
    },
  };
}

/** A scalar: how it is on the wire, and in JavaScript. */
interface Scalar<T> {
  wireType: 0 | 2;
  empty: () => T;
  isEmpty: (value: T) => boolean;
  read: (reader: ProtobufReader) => T;
  write: (writer: ProtobufWriter, value: T) => void;
}

const text: Scalar<string> = {
  wireType: 2,
  empty: () => '',
  isEmpty: (value) => value === '',
  read: (reader) => reader.bytes().toString('utf8'),
  write: (writer, value) => writer.bytes(Buffer.from(value)),
};
const octets: Scalar<Buffer> = {
  wireType: 2,
  empty: () => Buffer.alloc(0),
  isEmpty: (value) => value.length === 0,
  read: (reader) => reader.bytes(),
  write: (writer, value) => writer.bytes(value),
};
const integer: Scalar<number> = {
  wireType: 0,
  empty: () => 0,
  isEmpty: (value) => value === 0,
  read: (reader) => reader.varint(),
  write: (writer, value) => writer.varint(value),
};
const longInteger: Scalar<bigint> = {
  wireType: 0,
  empty: () => 0n,
  isEmpty: (value) => value === 0n,
  read: (reader) => reader.bigVarint(),
  write: (writer, value) => writer.bigVarint(value),
};
const flag: Scalar<boolean> = {
  wireType: 0,
  empty: () => false,
  isEmpty: (value) => !value,
  read: (reader) => reader.varint() !== 0,
  write: (writer, value) => writer.varint(value ? 1 : 0),
};

function expectType(wireType: number, wanted: number): void {
  if (wireType !== wanted)
    throw new EngineError('invalid-argument', `malformed message: wire type ${wireType}`);
}

function single<T>(number: number, scalar: Scalar<T>): Field<T> {
  return {
    number,
    empty: scalar.empty,
    read: (reader, wireType) => {
      expectType(wireType, scalar.wireType);
      return scalar.read(reader);
    },
    write: (writer, value) => {
      if (scalar.isEmpty(value)) return;
      writer.tag(number, scalar.wireType);
      scalar.write(writer, value);
    },
  };
}

export const string = (number: number): Field<string> => single(number, text);
export const bytes = (number: number): Field<Buffer> => single(number, octets);
/** int32, int64, uint32, uint64 and enumerations whose values are exact as a number (below 2^53). */
export const int = (number: number): Field<number> => single(number, integer);
/** int64, exact. */
export const bigInt = (number: number): Field<bigint> => single(number, longInteger);
export const bool = (number: number): Field<boolean> => single(number, flag);

function repeatedScalar<T>(number: number, scalar: Scalar<T>): Field<T[]> {
  return {
    number,
    empty: () => [],
    read: (reader, wireType, before) => {
      expectType(wireType, scalar.wireType);
      before.push(scalar.read(reader));
      return before;
    },
    write: (writer, values) => {
      for (const value of values) {
        writer.tag(number, scalar.wireType);
        scalar.write(writer, value);
      }
    },
  };
}

export const strings = (number: number): Field<string[]> => repeatedScalar(number, text);
export const byteStrings = (number: number): Field<Buffer[]> => repeatedScalar(number, octets);

/** As a scalar: what `nested` and `repeated` have in common. */
function scalarOf<Value>(of: () => Message<Value>): Scalar<Value> {
  return {
    wireType: 2,
    empty: () => of().decode(new Uint8Array(0)),
    isEmpty: () => false,
    read: (reader) => of().decode(reader.bytes()),
    write: (writer, value) => writer.bytes(of().encode(value)),
  };
}

/** A message within a message; undefined where there is none. */
export function nested<Value>(number: number, of: Message<Value>): Field<Value | undefined> {
  const scalar = scalarOf(() => of);
  return {
    number,
    empty: () => undefined,
    read: (reader, wireType) => {
      expectType(wireType, 2);
      return scalar.read(reader);
    },
    write: (writer, value) => {
      if (value === undefined) return;
      writer.tag(number, 2);
      scalar.write(writer, value);
    },
  };
}

export const repeated = <Value>(number: number, of: Message<Value>): Field<Value[]> =>
  repeatedScalar(
    number,
    scalarOf(() => of),
  );

/** `map<string, …>`. */
function mapOf<T>(number: number, value: (number: number) => Field<T>): Field<Map<string, T>> {
  const entry = message({ key: string(1), value: value(2) }) as unknown as Message<{ key: string; value: T }>;
  return {
    number,
    empty: () => new Map(),
    read: (reader, wireType, before) => {
      expectType(wireType, 2);
      const one = entry.decode(reader.bytes());
      return before.set(one.key, one.value);
    },
    write: (writer, values) => {
      for (const [key, one] of values) {
        writer.tag(number, 2);
        writer.bytes(entry.encode({ key, value: one }));
      }
    },
  };
}

export const stringMap = (number: number): Field<Map<string, string>> => mapOf(number, string);
export const byteMap = (number: number): Field<Map<string, Buffer>> => mapOf(number, bytes);
export function messageMap<Value>(number: number, of: Message<Value>): Field<Map<string, Value>> {
  return mapOf(number, (inner) => ({
    ...single(
      inner,
      scalarOf(() => of),
    ),
  }));
}
