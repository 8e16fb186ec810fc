import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  ParseUUIDPipe,
  Post,
  Put,
  Query,
} from '@nestjs/common'
import {
  ApiBearerAuth,
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiTags,
} from '@nestjs/swagger'
import { AccessFor } from '../access/access-for.ts'
import { Page } from '../page.ts'
import { NewProject, ProjectData } from './project-data.ts'
import { Projects } from './projects.ts'

@ApiTags('projects')
@ApiBearerAuth()
@Controller('projects')
export class ProjectsController {
  readonly #projects: Projects

  constructor(@Inject(Projects) projects: Projects) {
    this.#projects = projects
  }

  @Get()
  @ApiOkResponse({ type: [ProjectData] })
  list(@Query() page: Page): Promise<ProjectData[]> {
    return this.#projects.list(page)
  }

  @Post()
  @ApiCreatedResponse({ type: ProjectData })
  @ApiConflictResponse({ description: 'A project has this name already' })
  create(@Body() project: NewProject): Promise<ProjectData> {
    return this.#projects.create(project)
  }

  @Get(':id')
  @ApiOkResponse({ type: ProjectData })
  @ApiNotFoundResponse()
  find(@Param('id', ParseUUIDPipe) id: string): Promise<ProjectData> {
    return this.#projects.find(id)
  }

  @Put(':id')
  @ApiOkResponse({ type: ProjectData })
  @ApiNotFoundResponse()
  rename(@Param('id', ParseUUIDPipe) id: string, @Body() project: NewProject): Promise<ProjectData> {
    return this.#projects.rename(id, project)
  }

  @Delete(':id')
  @AccessFor('admins')
  @HttpCode(204)
  @ApiNoContentResponse({ description: 'With its tasks' })
  @ApiNotFoundResponse()
  remove(@Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.#projects.remove(id)
  }
}
