/** `RUN --device=NAME[,required]`. */
import { EngineError } from '../../errors/engine-error.ts';
import { parseCsvLine } from './csv.ts';
import { parseBoolean } from './mounts.ts';
import { didYouMean, suggestion } from './suggest.ts';

export interface DeviceRequest {
  /** A CDI name, or a selector (`vendor.com/class=name`). */
  name: string;
  required: boolean;
}

/** EngineError `invalid-argument`. */
export function parseDevice(text: string): DeviceRequest {
  const device: DeviceRequest = { name: '', required: false };
  for (const field of parseCsvLine(text)) readField(device, field);
  return device;
}

function readField(device: DeviceRequest, field: string): void {
  const equals = field.indexOf('=');
  const key = (equals === -1 ? field : field.slice(0, equals)).toLowerCase();
  const value = equals === -1 ? undefined : field.slice(equals + 1);
  if (key === 'required') {
    device.required = value === undefined || parseBoolean(key, value);
    return;
  }
  if (key === 'name' && value !== undefined) {
    if (device.name !== '') throw invalid(`device name already set to ${device.name}`);
    device.name = value;
    return;
  }
  // The name may itself have an equals sign: vendor.com/class=name.
  if (device.name === '') device.name = field;
  else if (value === undefined) throw invalid(`invalid field '${field}' must be a key=value pair`);
  else
    throw invalid(
      `unexpected key '${key}' in '${field}'${didYouMean(suggestion(key, ['name', 'required']))}`,
    );
}

function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', message, {
    hint: 'write --device=NAME or --device=NAME,required',
  });
}
