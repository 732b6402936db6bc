// Intune's side of devices: serial number, primary user, and the request to rotate BitLocker keys.

import { GraphError } from './error.mjs';
import { allow, filtered, page, selected, shape } from './odata.mjs';
import { MANAGED_DEVICE } from './types.mjs';
import { same } from '../tenants.mjs';

const PATH = '/deviceManagement/managedDevices';
const FIELDS = ['azureADDeviceId', 'serialNumber', 'deviceName'];
const REFUSAL = {
    code: 'Forbidden',
    message: 'Application is not authorized to perform this operation.',
};
const ROTATION_ROLES = [
    'DeviceManagementConfiguration.ReadWrite.All',
    'DeviceManagementManagedDevices.ReadWrite.All',
];

export const MANAGED_DEVICE_ROUTES = [
    { route: `GET ${PATH}`, roles: MANAGED_DEVICE.roles, refusal: REFUSAL, answer: list },
    {
        route: 'GET /users/{id}/managedDevices',
        roles: MANAGED_DEVICE.roles,
        refusal: REFUSAL,
        answer: listOfUser,
    },
    { route: `GET ${PATH}/{id}`, roles: MANAGED_DEVICE.roles, refusal: REFUSAL, answer: get },
    {
        route: `POST ${PATH}/{id}/rotateBitLockerKeys`,
        only: 'beta',
        roles: ROTATION_ROLES,
        refusal: REFUSAL,
        answer: rotate,
    },
];

function list({ world, tenant, exchange }) {
    allow(exchange, '$filter', '$select', '$top', '$count', '$skiptoken');
    const objects = filtered(tenant.managedDevices, exchange.query.get('$filter'), FIELDS);
    return pageOf(world, tenant, exchange, objects);
}

function listOfUser({ world, tenant, exchange, id }) {
    allow(exchange, '$select', '$top', '$skiptoken');
    const objects = tenant.managedDevices.filter(({ userId }) => same(userId, id));
    return pageOf(world, tenant, exchange, objects);
}

function pageOf(world, tenant, exchange, objects) {
    const names = selected(exchange);
    return page(
        world,
        tenant,
        exchange,
        'deviceManagement/managedDevices',
        objects.map((object) => shape(MANAGED_DEVICE, object, names)),
    );
}

function get({ tenant, exchange, id }) {
    allow(exchange, '$select');
    return { body: shape(MANAGED_DEVICE, existing(tenant, id), selected(exchange)) };
}

function rotate({ tenant, id }) {
    const { azureADDeviceId = null } = existing(tenant, id);
    tenant.rotations.push({ id, azureADDeviceId, at: Date.now() });
    return { status: 204 };
}

function existing(tenant, id) {
    const found = tenant.find('managedDevices', id);
    if (!found) throw new GraphError(404, 'ResourceNotFound', 'The managed device was not found.');
    return found;
}
