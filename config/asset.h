/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An identity by reference: IdentityAssetReference of a profile names an asset
 * declaration, one of the files FOLDER/X.json, whose DataURL names a file on
 * this machine with a PKCS#12 and its password. Whoever puts the two there (a
 * person, a management agent) may renew them without touching the profile.
 * Called by validate.c alone.
 */
#ifndef ADIT_CONFIG_ASSET_H
#define ADIT_CONFIG_ASSET_H

#include "config/profile.h"

/* Fills p->asset, and p->pkcs12 and p->password from its data. `demands` are
 * those of file.h on both files; the data has to be private as well. 0; or
 * -errno with findings about files other than the profile, each a whole line
 * with its place. */
int asset_load(struct profile *p, const char *folder, unsigned int demands,
	       struct config_report *ret_report);

#endif
