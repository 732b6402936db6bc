// BitLocker recovery keys: a list never carries a key, and a key comes only for `$select=key` and
// leaves an entry in the audit log.

import { same } from '../tenants.mjs';
import { demand } from './authorization.mjs';
import { GraphError } from './error.mjs';
import { allow, page, selected } from './odata.mjs';

const READ = 'BitlockerKey.Read.All';
const VOLUMES = [
    'operatingSystemVolume',
    'fixedDataVolume',
    'removableDataVolume',
    'unknownFutureValue',
];
const PROPERTIES = ['id', 'createdDateTime', 'deviceId', 'volumeType'];
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const REFUSAL = {
    code: 'authorization_error',
    message: "Failed to authorize, token doesn't have the required permissions.",
};
const PATH = '/informationProtection/bitlocker/recoveryKeys';

export const RECOVERY_KEY_ROUTES = [
    {
        route: `GET ${PATH}`,
        roles: ['BitlockerKey.ReadBasic.All', READ],
        refusal: REFUSAL,
        answer: list,
    },
    {
        route: `GET ${PATH}/{id}`,
        roles: ['BitlockerKey.ReadBasic.All', READ],
        refusal: REFUSAL,
        answer: get,
    },
];

function list({ world, tenant, exchange }) {
    demandUserAgent(exchange);
    allow(exchange, '$filter', '$select', '$skiptoken');
    const names = selected(exchange) ?? PROPERTIES;
    const unknown = names.find((name) => !PROPERTIES.includes(name));
    if (unknown)
        throw GraphError.badRequest(
            `The property '${unknown}' cannot be selected in a list of recovery keys.`,
        );
    const filter = exchange.query.get('$filter');
    const deviceId = filter === undefined ? undefined : filteredDevice(filter);
    const keys = tenant.recoveryKeys.filter(
        (key) => deviceId === undefined || same(key.deviceId, deviceId),
    );
    return page(
        world,
        tenant,
        exchange,
        'informationProtection/bitlocker/recoveryKeys',
        keys.map((key) => fields(tenant, key, names)),
    );
}

function get({ world, tenant, exchange, roles, id }) {
    demandUserAgent(exchange);
    allow(exchange, '$select');
    if (!GUID.test(id)) throw GraphError.badRequest(`Invalid object identifier '${id}'.`);
    const select = exchange.query.get('$select');
    if (select === 'key') demand(roles, [READ], REFUSAL);
    const found = tenant.find('recoveryKeys', id);
    if (!found) throw GraphError.notFound(id);
    const context = {
        '@odata.context': `${world.address.graph}/v1.0/$metadata#informationProtection/bitlocker/recoveryKeys/$entity`,
    };
    const plain = fields(tenant, found, PROPERTIES);
    if (select !== 'key') return { body: { ...context, ...plain } };
    tenant.audit.push({
        activity: 'Read BitLocker key',
        category: 'KeyManagement',
        keyId: found.id,
        deviceId: found.deviceId ?? null,
        at: Date.now(),
    });
    tenant.counters.keysRead += 1;
    const whole = { ...plain, key: found.key };
    return {
        body:
            tenant.settings.keyAnswer === 'wrapped'
                ? { ...context, value: whole }
                : { ...context, ...whole },
    };
}

function demandUserAgent({ headers }) {
    if (!headers['user-agent']) throw GraphError.badRequest('The User-Agent header is required.');
}

function filteredDevice(filter) {
    const deviceId = /^deviceId eq '([^']*)'$/.exec(filter)?.[1];
    if (!GUID.test(deviceId)) throw GraphError.badRequest('Invalid filter clause');
    return deviceId;
}

function fields({ settings }, key, names) {
    const number = VOLUMES.indexOf(key.volumeType) + 1 || Number(key.volumeType);
    const volumeType = { name: VOLUMES[number - 1], number, numberText: String(number) }[
        settings.volumeTypeAs
    ];
    const all = { ...key, volumeType };
    return Object.fromEntries(names.map((name) => [name, all[name] ?? null]));
}
