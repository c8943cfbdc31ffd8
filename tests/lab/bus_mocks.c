/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Passes for NetworkManager or ModemManager on the system bus, as far as
 * network_read_metered() and network_read_portal() look at them, for
 * tests/netns/network.sh:
 *
 *   bus_mocks nm DEVICE METERED METERED-OF-ALL [PORTAL]
 *                  numbers of NMMetered; a DHCP server's option 114
 *   bus_mocks mm DEVICE                          a modem's bearer has it
 *   bus_mocks hang NAME                          has the name, never answers
 *
 * Says "ready", and ends when it is killed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/host/bus_linux.h"

#define NM "org.freedesktop.NetworkManager"
#define NM_PATH "/org/freedesktop/NetworkManager"
#define MM "org.freedesktop.ModemManager1"
#define MM_PATH "/org/freedesktop/ModemManager1"

struct mock {
	const char *device;
	uint32_t metered[2]; /* of the device, of all */
	const char *portal;  /* NULL: the device has no lease */
};

static int get_device(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct mock *mock = userdata;
	const char *name;

	if (sd_bus_message_read(m, "s", &name) < 0)
		return -EINVAL;
	if (strcmp(name, mock->device) != 0)
		return sd_bus_error_setf(error, NM ".UnknownDevice",
					 "No device found");
	return sd_bus_reply_method_return(m, "o", NM_PATH "/Devices/1");
}

static int get_metered(sd_bus *bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *reply,
		       void *userdata, sd_bus_error *error)
{
	struct mock *mock = userdata;

	(void)bus, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "u",
				     mock->metered[strcmp(path, NM_PATH) == 0]);
}

static int get_lease(sd_bus *bus, const char *path, const char *interface,
		     const char *property, sd_bus_message *reply,
		     void *userdata, sd_bus_error *error)
{
	struct mock *mock = userdata;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(
		reply, "o", mock->portal ? NM_PATH "/DHCP4Config/1" : "/");
}

/* "u NUMBER" is one of another type than it should have. */
static int get_options(sd_bus *bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *reply,
		       void *userdata, sd_bus_error *error)
{
	struct mock *mock = userdata;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	if (strncmp(mock->portal, "u ", 2) == 0)
		return sd_bus_message_append(reply, "a{sv}", 1, "default_url",
					     "u", atoi(mock->portal + 2));
	return sd_bus_message_append(reply, "a{sv}", 3, "expiry", "s", "3600",
				     "default_url", "s", mock->portal,
				     "routers", "s", "192.0.2.1");
}

static int get_bearers(sd_bus *bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *reply,
		       void *userdata, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property;
	(void)userdata, (void)error;
	return sd_bus_message_append(reply, "ao", 2, MM_PATH "/Bearer/0",
				     MM_PATH "/Bearer/1");
}

static int get_interface(sd_bus *bus, const char *path, const char *interface,
			 const char *property, sd_bus_message *reply,
			 void *userdata, sd_bus_error *error)
{
	struct mock *mock = userdata;

	(void)bus, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(
		reply, "s", strstr(path, "Bearer/1") ? mock->device : "wwan7");
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("GetDeviceByIpIface", "s", "o", get_device,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("Metered", "u", get_metered, 0, 0),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable device[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Metered", "u", get_metered, 0, 0),
	SD_BUS_PROPERTY("Dhcp4Config", "o", get_lease, 0, 0),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable lease[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Options", "a{sv}", get_options, 0, 0),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable modem[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Bearers", "ao", get_bearers, 0, 0),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable bearer[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Interface", "s", get_interface, 0, 0),
	SD_BUS_VTABLE_END,
};

static const struct {
	const char *role, *path, *interface;
	const sd_bus_vtable *vtable;
} objects[] = {
	{ "nm", NM_PATH, NM, manager },
	{ "nm", NM_PATH "/Devices/1", NM ".Device", device },
	{ "nm", NM_PATH "/DHCP4Config/1", NM ".DHCP4Config", lease },
	{ "mm", MM_PATH "/Modem/0", MM ".Modem", modem },
	{ "mm", MM_PATH "/Bearer/0", MM ".Bearer", bearer },
	{ "mm", MM_PATH "/Bearer/1", MM ".Bearer", bearer },
};

static int add_objects(sd_bus *bus, const char *role, struct mock *mock)
{
	int r = 0;

	if (strcmp(role, "mm") == 0)
		r = sd_bus_add_object_manager(bus, NULL, MM_PATH);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(objects); i++) {
		if (strcmp(objects[i].role, role) == 0)
			r = sd_bus_add_object_vtable(bus, NULL, objects[i].path,
						     objects[i].interface,
						     objects[i].vtable, mock);
	}
	return r;
}

int main(int argc, char **argv)
{
	bool hang = argc > 2 && strcmp(argv[1], "hang") == 0;
	struct mock mock = { 0 };
	sd_bus *bus;
	int r;

	if (argc < 3)
		return EXIT_FAILURE;
	mock.device = argv[2];
	for (int i = 0; i < 2 && i + 3 < argc; i++)
		mock.metered[i] = (uint32_t)atoi(argv[i + 3]);
	mock.portal = argc > 5 ? argv[5] : NULL;
	r = sd_bus_open_system(&bus);
	if (r >= 0)
		r = add_objects(bus, argv[1], &mock);
	if (r >= 0)
		r = sd_bus_request_name(bus,
					hang		    ? argv[2]
					: argv[1][0] == 'n' ? NM
							    : MM,
					0);
	if (r < 0) {
		fprintf(stderr, "%s\n", strerror(-r));
		return EXIT_FAILURE;
	}
	printf("ready\n");
	fflush(stdout);
	while (hang)
		pause();
	while (r >= 0) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
	}
	return EXIT_FAILURE;
}
