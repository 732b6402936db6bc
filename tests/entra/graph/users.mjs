// People: by object id or user principal name, their manager, devices and groups.

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
    'mailNickname',
    'employeeId',
    'accountEnabled',
    'proxyAddresses',
    'onPremisesSamAccountName',
];

export const USER_ROUTES = directoryObject(USER, FIELDS, (tenant, key) => tenant.user(key), [
    manager,
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

function devicesWith(tenant, relation, user) {
    return tenant.devices
        .filter((device) => device[relation]?.some((id) => same(id, user)))
        .map(({ id }) => id);
}
