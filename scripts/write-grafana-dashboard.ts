import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { grafanaDashboard } from './grafana-dashboard.ts';

writeFileSync(join(import.meta.dirname, '..', 'deploy', 'grafana', 'emr-payments.json'), grafanaDashboard());
