// What the identity provider says of a user.

/** The claims that come with each scope. */
export const SCOPES = {
    openid: ['sub', 'oid', 'upn', 'tid', 'groups', 'roles'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
};

/** A user as an account of the provider; their `claims` go before what follows from the rest. */
export function accountOf(tenant, id) {
    const user = tenant.find('users', id);
    if (!user) return undefined;
    const { userPrincipalName, mail, displayName, claims = {} } = user;
    const all = {
        sub: id,
        oid: id,
        tid: tenant.id,
        name: displayName,
        preferred_username: userPrincipalName,
        upn: userPrincipalName,
        email: mail,
        ...claims,
    };
    // A claim of null is one that is not there.
    const said = Object.entries(all).filter(([, value]) => value !== null && value !== undefined);
    return { accountId: id, claims: () => Object.fromEntries(said) };
}
