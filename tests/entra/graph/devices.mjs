// Devices of the directory, by object id, by device id and by name.

import { same } from '../tenants.mjs';
import { directoryObject, links } from './directory.mjs';
import { GraphError } from './error.mjs';
import { DEVICE } from './types.mjs';

const FIELDS = ['id', 'deviceId', 'displayName', 'accountEnabled', 'operatingSystem', 'trustType'];

export const DEVICE_ROUTES = directoryObject(DEVICE, FIELDS, find, [
    links('registeredOwners', (tenant, { registeredOwners = [] }) => registeredOwners),
    links('registeredUsers', (tenant, { registeredUsers = [] }) => registeredUsers),
]);

// In brackets, a device may be named by its deviceId.
function find(tenant, key) {
    const [, deviceId] = /^deviceId='(.*)'$/.exec(key) ?? [];
    const found = deviceId
        ? tenant.devices.find((device) => same(device.deviceId, deviceId))
        : tenant.find('devices', key);
    if (!found && !deviceId && !/^[0-9a-f-]{36}$/i.test(key))
        throw GraphError.badRequest(`Invalid object identifier '${key}'.`, 'Request_BadRequest');
    return found;
}
