// People: by object id or user principal name, their manager, devices and groups.

import { demand } from './authorization.mjs';
import { directoryObject, links, member, typed } from './directory.mjs';
import { GraphError } from './error.mjs';
import { groupsAround } from './groups.mjs';
import { allow, selected } from './odata.mjs';
import { same } from '../tenants.mjs';
import { GROUP, USER } from './types.mjs';

const FIELDS = [
    'id',
    'userPrincipalName',
    'mail',
    'displayName',
    'givenName',
    'surname',
    'mailNickname',
    'employeeId',
    'accountEnabled',
    'proxyAddresses',
    'onPremisesSamAccountName',
];

export const USER_ROUTES = directoryObject(USER, FIELDS, (tenant, key) => tenant.user(key), [
    manager,
    checkMemberGroups,
    links('ownedDevices', (tenant, { id }) => devicesWith(tenant, 'registeredOwners', id)),
    links('registeredDevices', (tenant, { id }) => devicesWith(tenant, 'registeredUsers', id)),
    (path, base, existing) =>
        links('transitiveMemberOf', (tenant, { id }) => groupsAround(tenant, id))(
            path,
            { ...base, roles: [...GROUP.roles, ...base.roles] },
            existing,
        ),
]);

function manager(path, base, existing) {
    const answer = ({ tenant, exchange, roles, id }) => {
        allow(exchange, '$select');
        const found = typed(tenant, existing(tenant, id).manager);
        if (!found) throw GraphError.notFound('manager');
        return { body: member(found, selected(exchange), roles) };
    };
    return [{ ...base, route: `GET ${path}/{id}/manager`, answer }];
}

// It needs a role for people and one for groups.
function checkMemberGroups(path, base, existing) {
    const answer = async ({ world, tenant, exchange, roles, id }) => {
        demand(roles, GROUP.roles, base.refusal);
        allow(exchange);
        const groupIds = asked(await exchange.body());
        const around = groupsAround(tenant, existing(tenant, id).id);
        return {
            body: {
                '@odata.context': `${world.address.graph}/v1.0/$metadata#Collection(Edm.String)`,
                value: around.filter((group) => groupIds.some((one) => same(one, group))),
            },
        };
    };
    return [{ ...base, route: `POST ${path}/{id}/checkMemberGroups`, answer }];
}

function asked(body) {
    let groupIds;
    try {
        ({ groupIds } = JSON.parse(body));
    } catch {
        throw GraphError.badRequest('Unable to read JSON request payload.');
    }
    if (!Array.isArray(groupIds) || groupIds.length < 1 || groupIds.length > 20)
        throw GraphError.badRequest('The number of groupIds must be between 1 and 20.');
    const odd = groupIds.find((id) => !/^[0-9a-f-]{36}$/i.test(id));
    if (odd) throw GraphError.badRequest(`Invalid GUID '${odd}'.`, 'Request_BadRequest');
    return groupIds;
}

function devicesWith(tenant, relation, user) {
    return tenant.devices
        .filter((device) => device[relation]?.some((id) => same(id, user)))
        .map(({ id }) => id);
}
