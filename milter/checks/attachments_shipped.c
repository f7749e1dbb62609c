/*
 * The shipped rules. Held back are files that run when they are opened, and
 * that almost nobody sends; where honest mail has them too (encrypted
 * archives, documents with macros), they only count. None is refused, so
 * that a mistake costs nobody a message. Two rules that hit the same file
 * stay below the usual actions.reject.
 */
#include "milter/checks/attachments_shipped.h"

#include <stddef.h>

/* What Windows runs when it is opened; the last is a class id. */
#define EXECUTABLES                                                       \
	"*.exe, *.scr, *.com, *.pif, *.bat, *.cmd, *.msi, *.msp, *.mst, " \
	"*.msu, *.cpl, *.dll, *.ocx, *.sys, *.drv, *.jar, *.xll, *.wll, " \
	"*.appx, *.appxbundle, *.msix, *.msixbundle, *.appinstaller, "    \
	"*.application, *.gadget, *.{*-*-*-*-*}"

#define SCRIPTS                                                         \
	"*.js, *.jse, *.vbs, *.vbe, *.vb, *.wsf, *.wsh, *.wsc, *.sct, " \
	"*.hta, *.ps1, *.ps1xml, *.psm1, *.psc1, *.reg, *.msc, *.chm, *.hlp"

#define SHORTCUTS                                                             \
	"*.lnk, *.url, *.website, *.scf, *.appref-ms, *.library-ms, "         \
	"*.search-ms, *.searchconnector-ms, *.settingcontent-ms, *.desktop, " \
	"*.rdp"

const struct attachment_shipped attachments_shipped[] = {
	{
		.title = "executable",
		.doc = "a program is attached (exe, scr, msi, ...)",
		.names = EXECUTABLES,
		.where = ATTACHMENT_TOP,
		.score = 5,
		.action = ATTACHMENT_QUARANTINE,
	},
	{
		.title = "script",
		.doc = "a script is attached that runs when it is opened (js, "
		       "vbs, hta, ps1, ...)",
		.names = SCRIPTS,
		.where = ATTACHMENT_TOP,
		.score = 5,
		.action = ATTACHMENT_QUARANTINE,
	},
	{
		.title = "double_extension",
		.doc = "a program passes itself off as a document by its name "
		       "(invoice.pdf.exe)",
		.names = EXECUTABLES ", " SCRIPTS ", " SHORTCUTS,
		.where = ATTACHMENT_ANYWHERE,
		.double_extension = true,
		.score = 6,
		.action = ATTACHMENT_QUARANTINE,
	},
	{
		.title = "executable_in_archive",
		.doc = "an attached archive holds a program (exe, scr, msi, "
		       "...)",
		.names = EXECUTABLES,
		.where = ATTACHMENT_ARCHIVE,
		.score = 5,
		.action = ATTACHMENT_QUARANTINE,
	},
	{
		.title = "script_in_archive",
		.doc = "an attached archive holds a script that runs when it "
		       "is opened; source code does too",
		.names = SCRIPTS,
		.where = ATTACHMENT_ARCHIVE,
		.score = 3,
	},
	{
		.title = "encrypted_archive",
		.doc = "an attached archive or document needs a password, so "
		       "nobody could look into it",
		.where = ATTACHMENT_ANYWHERE,
		.encrypted = true,
		.score = 2,
	},
	{
		.title = "macro_document",
		.doc = "an office document of a type that holds macros (docm, "
		       "xlsm, ...)",
		.names = "*.docm, *.dotm, *.xlsm, *.xltm, *.xlam, *.xla, "
			 "*.pptm, *.potm, *.ppsm, *.ppam, *.sldm",
		.where = ATTACHMENT_ANYWHERE,
		.score = 2,
	},
	{
		.title = "disk_image",
		.doc = "a disk image, in which files escape the marks of what "
		       "came by mail (iso, img, vhd, ...)",
		.names = "*.iso, *.img, *.udf, *.vhd, *.vhdx, *.vmdk, *.wim, "
			 "*.dmg, *.nrg, *.daa",
		.where = ATTACHMENT_ANYWHERE,
		.score = 4,
	},
	{
		.title = "shortcut",
		.doc = "a shortcut, which starts what it names (lnk, url, rdp, "
		       "...)",
		.names = SHORTCUTS,
		.where = ATTACHMENT_ANYWHERE,
		.score = 5,
	},
	{
		.title = "mismatch",
		.doc = "a file is a program, though its name says document, "
		       "picture or archive",
		.where = ATTACHMENT_ANYWHERE,
		.mismatch = true,
		.score = 6,
		.action = ATTACHMENT_QUARANTINE,
	},
	{0},
};
