"""What lists call their columns and rows; nothing of the database changes."""

import certificates.models.event
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("certificates", "0009_find_at_scale"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="certificate",
            options={
                "permissions": [
                    ("download_certificate", "Can download certificates"),
                    ("generate_certificate", "Can generate certificates"),
                    ("upload_certificate", "Can upload certificates"),
                    ("deploy_certificate", "Can deploy certificates to nodes"),
                    ("restart_service", "Can restart services"),
                    ("configure_product", "Can configure nodes, jobs and reminders"),
                ],
                "verbose_name": "certificate",
                "verbose_name_plural": "certificates",
            },
        ),
        migrations.AlterModelOptions(
            name="delivery",
            options={
                "default_permissions": (),
                "ordering": ["-pk"],
                "verbose_name": "delivery",
                "verbose_name_plural": "deliveries",
            },
        ),
        migrations.AlterModelOptions(
            name="endpoint",
            options={
                "default_permissions": (),
                "verbose_name": "endpoint",
                "verbose_name_plural": "endpoints",
            },
        ),
        migrations.AlterModelOptions(
            name="event",
            options={
                "default_permissions": ("view",),
                "ordering": ["-sequence"],
                "verbose_name": "event",
                "verbose_name_plural": "events",
            },
        ),
        migrations.AlterModelOptions(
            name="job",
            options={
                "default_permissions": ("view",),
                "ordering": ["-created_at"],
                "verbose_name": "job",
                "verbose_name_plural": "jobs",
            },
        ),
        migrations.AlterModelOptions(
            name="node",
            options={
                "ordering": ["role", "host_name"],
                "verbose_name": "node",
                "verbose_name_plural": "nodes",
            },
        ),
        migrations.AlterModelOptions(
            name="signingrequest",
            options={
                "default_permissions": (),
                "ordering": ["purpose", "node", "-pk"],
                "verbose_name": "signing request",
                "verbose_name_plural": "signing requests",
            },
        ),
        migrations.AlterField(
            model_name="delivery",
            name="address",
            field=models.CharField(max_length=500, verbose_name="address"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="reply",
            field=models.CharField(
                blank=True,
                help_text="What the server said last.",
                max_length=500,
                verbose_name="reply",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("handed", "May be sent"),
                    ("sent", "Sent"),
                    ("refused", "Refused"),
                    ("unknown", "Unknown"),
                    ("not sent", "Not sent"),
                ],
                default="waiting",
                max_length=8,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="action",
            field=models.CharField(
                choices=certificates.models.event.action_choices,
                max_length=40,
                verbose_name="action",
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="actor",
            field=models.CharField(max_length=200, verbose_name="actor"),
        ),
        migrations.AlterField(
            model_name="job",
            name="started_by",
            field=models.CharField(max_length=200, verbose_name="started by"),
        ),
        migrations.AlterField(
            model_name="job",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                ],
                default="queued",
                max_length=12,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="channel",
            field=models.CharField(
                choices=[("email", "E-mail"), ("webhook", "Webhook"), ("syslog", "Syslog")],
                max_length=8,
                verbose_name="channel",
            ),
        ),
        migrations.AlterField(
            model_name="node",
            name="description",
            field=models.CharField(blank=True, max_length=200, verbose_name="description"),
        ),
        migrations.AlterField(
            model_name="node",
            name="host_name",
            field=models.CharField(
                help_text="Fully qualified, as clients call this server.",
                max_length=253,
                unique=True,
                verbose_name="host name",
            ),
        ),
        migrations.AlterField(
            model_name="node",
            name="role",
            field=models.CharField(
                choices=[("publisher", "Publisher"), ("subscriber", "Subscriber")],
                default="subscriber",
                max_length=10,
                verbose_name="role",
            ),
        ),
        migrations.AlterField(
            model_name="signingrequest",
            name="purpose",
            field=models.CharField(
                choices=[("tomcat", "tomcat"), ("ipsec", "ipsec")],
                max_length=24,
                verbose_name="purpose",
            ),
        ),
        migrations.AlterField(
            model_name="signingrequest",
            name="state",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("consumed", "Consumed"),
                    ("superseded", "Superseded"),
                    ("cancelled", "Cancelled"),
                ],
                default="pending",
                max_length=12,
                verbose_name="state",
            ),
        ),
    ]
